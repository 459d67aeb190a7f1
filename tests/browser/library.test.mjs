// The client library as the bridge serves it, used by a page of another origin, in the page and in a worker.
import assert from "node:assert/strict";
import { serveOrigin } from "./support/origin.mjs";
import { pageTest } from "./support/page.mjs";

const app = await serveOrigin();

/** A module that runs a command by the library, and hands the result to `done`. @param {string} origin @param {object} options */
const program = (origin, options) => `
  import { connect, SshardError } from "${origin}/client.js";
  try {
    const session = await connect(${JSON.stringify(options)});
    const { status } = await session.exited;
    const text = new TextDecoder();
    let output = "";
    for (const reader = session.output.getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      output += text.decode(value, { stream: true });
    }
    done({ status, output: output.trim() });
  } catch (error) {
    done({ failed: error instanceof SshardError ? error.code : String(error) });
  }`;

pageTest("a page of an allowed origin, and its worker, import the library and run a command",
  { settings: [`server.allowed_origins=${app}`], origins: [`${app}/`] },
  async ({ page, bridge, sshd }) => {
    const options = { url: bridge.url, ...sshd.login, command: "echo from $((40 + 2))" };
    const code = program(`http://${bridge.address}`, options);
    await page.goto(app);
    const inPage = await page.evaluate((source) => new Promise((resolve, reject) => {
      Object.assign(globalThis, { done: resolve });
      const script = Object.assign(document.createElement("script"), { type: "module", textContent: source, onerror: reject });
      document.head.append(script);
    }), code);
    assert.deepEqual(inPage, { status: 0, output: "from 42" });
    const inWorker = await page.evaluate((source) => new Promise((resolve, reject) => {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const worker = new Worker(url, { type: "module" });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    }), `const done = (result) => postMessage(result);${code}`);
    assert.deepEqual(inWorker, { status: 0, output: "from 42" });
  });

pageTest("a page of another origin gets neither the library nor a session",
  { origins: [`${app}/`], expectConsole: [/CORS policy/, /ERR_FAILED|403/, /WebSocket connection to/] },
  async ({ page, bridge }) => {
    await page.goto(app);
    const imported = await page.evaluate((url) => import(url).then(() => "imported", () => "refused"), `http://${bridge.address}/client.js`);
    assert.equal(imported, "refused");
    const opened = await page.evaluate((url) => new Promise((resolve) => {
      const socket = new WebSocket(url, "sshard.v1");
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("refused");
    }), bridge.url);
    assert.equal(opened, "refused");
  });
