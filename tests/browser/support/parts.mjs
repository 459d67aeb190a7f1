// Modules of a page, for tests that need no browser.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Bundles modules of the page in a folder of src/web as its build does.
 * @param {"page" | "operator"} folder
 * @param {string[]} names
 * @returns {Promise<any>}
 */
export async function parts(folder, names) {
  const web = new URL("../../../src/web/", import.meta.url);
  const esbuild = createRequire(new URL("page/package.json", web))("esbuild");
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: names.map((name) => `export * from "./${name}.js";`).join(""), resolveDir: fileURLToPath(new URL(`${folder}/src/`, web)),
    },
    bundle: true, format: "esm", target: "es2022", write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}
