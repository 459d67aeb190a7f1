// Headless Firefox by WebDriver BiDi, as far as a smoke test needs it: the protocol that Playwright uses with Firefox is
// newer than that of Debian's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

/** Starts it, and returns functions that control its page. */
export async function startFirefox() {
  const profile = mkdtempSync(join(tmpdir(), "sshard-firefox-"));
  const child = spawn("firefox-esr", ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"], {
    stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HOME: profile },
  });
  const address = await new Promise((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (chunk) => {
      text += chunk;
      const found = /WebDriver BiDi listening on (\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`Firefox ended:\n${text}`)));
  });
  const socket = new WebSocket(`${address}/session`);
  await once(socket, "open");
  /** @type {string[]} */
  const errors = [];
  let id = 0;
  const send = (/** @type {string} */ method, /** @type {object} */ params) => {
    id += 1;
    const mine = id;
    return /** @type {Promise<any>} */ (new Promise((resolve, reject) => {
      const listen = (/** @type {Buffer} */ data) => {
        const message = JSON.parse(String(data));
        if (message.id !== mine) return;
        socket.off("message", listen);
        if (message.type === "error") reject(new Error(`${method}: ${message.message}`));
        else resolve(message.result);
      };
      socket.on("message", listen);
      socket.send(JSON.stringify({ id: mine, method, params }));
    }));
  };
  socket.on("message", (data) => {
    const { method, params } = JSON.parse(String(data));
    if (method === "log.entryAdded" && params.level === "error") errors.push(params.text);
  });
  await send("session.new", { capabilities: {} });
  await send("session.subscribe", { events: ["log.entryAdded"] });
  const { contexts } = await send("browsingContext.getTree", {});
  const context = contexts[0].context;
  return {
    errors,
    goto: (/** @type {string} */ url) => send("browsingContext.navigate", { context, url, wait: "complete" }),
    /** Value of an expression that is a string. */
    async text(/** @type {string} */ expression) {
      const { result } = await send("script.evaluate", { expression, target: { context }, awaitPromise: true });
      return String(result?.value ?? "");
    },
    async type(/** @type {string} */ text) {
      const actions = [...text].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
      await send("input.performActions", { context, actions: [{ type: "key", id: "keyboard", actions }] });
    },
    async stop() {
      socket.terminate();
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
