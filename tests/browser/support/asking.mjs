// An SSH server that asks questions at the log-in, as those do that want a one-time code. Its shell says one line.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";

/**
 * @typedef {object} Question
 * @property {string} name
 * @property {string} instruction
 * @property {{ prompt: string, echo: boolean }[]} prompts
 */

/**
 * Starts the server.
 * @param {{ banner?: string, rounds: Question[], accepts: (answers: string[][]) => boolean }} script
 */
export async function startAsking({ banner, rounds, accepts }) {
  const hostKey = join(mkdtempSync(join(tmpdir(), "sshard-asking-")), "host");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", hostKey]);
  const server = new ssh2.Server({ hostKeys: [readFileSync(hostKey)], ...(banner === undefined ? {} : { banner }) });
  server.on("connection", (client) => {
    client.on("error", () => {});
    client.on("authentication", (context) => {
      if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
      /** @type {string[][]} */
      const answers = [];
      const ask = () => {
        const round = rounds[answers.length];
        if (round === undefined) return accepts(answers) ? context.accept() : context.reject();
        context.prompt(round.prompts, round.name, round.instruction, (given) => {
          answers.push(given);
          ask();
        });
      };
      ask();
    });
    client.on("session", (accept) => {
      const session = accept();
      session.on("pty", (take) => take?.());
      session.on("env", (take) => take?.());
      session.on("shell", (take) => take().write("the door is open $ "));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const publicLine = readFileSync(`${hostKey}.pub`, "utf8").trim();
  // Nothing else keeps the process of the tests alive.
  server.unref();
  const address = `127.0.0.1:${port}`;
  return { address, wish: { args: ["--allow", address], knownHosts: () => `[127.0.0.1]:${port} ${publicLine}\n` } };
}
