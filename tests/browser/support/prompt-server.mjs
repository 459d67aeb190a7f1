// An SSH server with keyboard-interactive prompts, as those that want a one-time code. Its shell prints one line.
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

/** @param {{ banner?: string, rounds: Question[], accepts: (answers: string[][]) => boolean, mayAsk?: () => Promise<void> }} script */
export async function startPromptServer({ banner, rounds, accepts, mayAsk = () => Promise.resolve() }) {
  const hostKey = join(mkdtempSync(join(tmpdir(), "sshard-prompts-")), "host");
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
      void mayAsk().then(ask);
    });
    client.on("session", (accept) => {
      const session = accept();
      session.on("pty", (acceptPty) => acceptPty?.());
      session.on("env", (acceptEnv) => acceptEnv?.());
      session.on("shell", (acceptShell) => acceptShell().write("logged in with two factors $ "));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const publicLine = readFileSync(`${hostKey}.pub`, "utf8").trim();
  // Nothing else keeps the process of the tests alive.
  server.unref();
  const address = `127.0.0.1:${port}`;
  return { address, options: { args: ["--allow", address], knownHosts: () => `[127.0.0.1]:${port} ${publicLine}\n` } };
}
