// Builds the page into ../dist: bundles, hashed names, and each file compressed beside itself.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "dist");
const assets = join(dist, "assets");

await rm(dist, { recursive: true, force: true });
await mkdir(assets, { recursive: true });

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { page: "src/main.ts" },
  outdir: assets,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "external",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  metafile: true,
});
const script = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === "src/main.ts");
if (script === undefined) {
  throw new Error("esbuild wrote no entry");
}

/** Writes `content` under a name that carries its hash, and returns the name. */
async function hashed(name, ending, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${ending}`;
  await writeFile(join(assets, file), content);
  return file;
}

const css = await build({
  absWorkingDir: here, entryPoints: ["src/all.css"], bundle: true, minify: true, write: false,
});
const names = {
  "page.js": script[0].split("/").pop(),
  "page.css": await hashed("page", "css", css.outputFiles[0].contents),
  "icon.svg": await hashed("icon", "svg", await readFile(join(here, "icon.svg"))),
};
let page = await readFile(join(here, "index.html"), "utf8");
for (const [plain, name] of Object.entries(names)) {
  page = page.replaceAll(`assets/${plain}`, `assets/${name}`);
}
await writeFile(join(dist, "index.html"), page);

let total = 0;
for (const folder of [dist, assets]) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile()) {
      continue;
    }
    const path = join(folder, entry.name);
    const content = await readFile(path);
    const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    await writeFile(`${path}.br`, brotli);
    await writeFile(`${path}.gz`, gzipSync(content, { level: 9 }));
    console.log(`${String(content.length).padStart(8)} ${String(brotli.length).padStart(7)} br  ${entry.name}`);
    total += entry.name.endsWith(".txt") ? 0 : brotli.length;
  }
}
console.log(`         ${String(total).padStart(7)} br  in all`);
