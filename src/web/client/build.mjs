// Builds dist/: three ES modules and their types. `--check` only type-checks.
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { generated } from "./scripts/codes.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
process.chdir(root);

for (const [path, text] of Object.entries(generated())) writeFileSync(path, text);
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"], { stdio: "inherit" });
if (!process.argv.includes("--check")) {
  // npm packs only files of this folder.
  copyFileSync("../../../LICENSE", "LICENSE");
  rmSync("dist", { recursive: true, force: true });
  await build({
    entryPoints: { index: "src/index.ts", xterm: "src/xterm.ts", codes: "src/explain.ts" },
    outdir: "dist",
    bundle: true,
    // Each entry is one file; that of the codes takes its table from the core.
    external: ["./index.js"],
    format: "esm",
    target: "es2022",
    minify: true,
    // Members that begin with _ are internal: the types do not show them.
    mangleProps: /^_[a-z]/,
    legalComments: "none",
    logLevel: "warning",
  });
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc"], { stdio: "inherit" });
}
