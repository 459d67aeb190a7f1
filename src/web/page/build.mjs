// Builds both pages into ../dist, the operator's into ../dist/operator: bundles, hashed names, and each file compressed
// beside itself.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "dist");

/** Writes `content` under a name that carries its hash, and returns the name. */
async function hashed(assets, name, ending, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${ending}`;
  await writeFile(join(assets, file), content);
  return file;
}

/** Bundles the page of the folder `source` into `target`. */
async function buildPage(source, target) {
  const assets = join(target, "assets");
  await mkdir(assets, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: source,
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
  const css = await build({
    absWorkingDir: source, entryPoints: ["src/all.css"], bundle: true, minify: true, write: false,
  });
  const names = {
    "page.js": script[0].split("/").pop(),
    "page.css": await hashed(assets, "page", "css", css.outputFiles[0].contents),
  };
  let page = await readFile(join(source, "index.html"), "utf8");
  // A page has what icons it names: data URLs, for the states of a session, are outside `img-src 'self'`.
  for (const [, icon] of page.matchAll(/assets\/(icon[a-z-]*)\.svg/g)) {
    names[`${icon}.svg`] = await hashed(assets, icon, "svg", await readFile(join(here, "icons", `${icon}.svg`)));
  }
  for (const [plain, name] of Object.entries(names)) {
    page = page.replaceAll(`assets/${plain}`, `assets/${name}`);
  }
  await writeFile(join(target, "index.html"), page);
  await compress(target, assets);
}

/** Bundles the client library for programs that are not this page, as one file. */
async function buildLibrary(target) {
  const { version, license } = JSON.parse(await readFile(join(here, "..", "client", "package.json"), "utf8"));
  await build({
    absWorkingDir: here,
    stdin: { contents: 'export * from "@sshard/client";\nexport * from "@sshard/client/xterm";', resolveDir: join(here, "src") },
    outfile: join(target, "client.js"),
    banner: { js: `/* @sshard/client ${version}, ${license} */` },
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    // Members that begin with _ are internal: the library's own build does the same.
    mangleProps: /^_[a-z]/,
    legalComments: "none",
  });
}

/** Writes each file of a page compressed beside itself, and prints the sizes. */
async function compress(target, assets) {
  let total = 0;
  for (const folder of [target, assets]) {
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
      // The library is not part of the page.
      total += /\.txt$|^client\.js$/.test(entry.name) ? 0 : brotli.length;
    }
  }
  console.log(`         ${String(total).padStart(7)} br  in all`);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await buildLibrary(dist);
await buildPage(here, dist);
await buildPage(join(here, "..", "operator"), join(dist, "operator"));
