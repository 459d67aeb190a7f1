// What is published: size, contents, types, the table of codes, and the README's examples.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { CODES } from "@sshard/client";
import { explain, EXPLANATIONS } from "@sshard/client/codes";
import { differences, generated, readCodes, serverFacts } from "../scripts/codes.mjs";
import { startBridge, startSshd } from "./support/bridge.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));
const read = (path) => readFileSync(root + path, "utf8");
const scratch = `${root}test/.scratch/`;

describe("the package", { timeout: 240_000 }, () => {
  before(() => mkdirSync(scratch, { recursive: true }));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  test("the core is one file of at most 6 KB, gzipped", () => {
    const core = read("dist/index.js");
    assert.doesNotMatch(core, /\bimport\b/);
    const size = gzipSync(core, { level: 9 }).length;
    assert(size <= 6 * 1024, `${size} bytes`);
  });

  test("the package contains its files and nothing else", () => {
    const { version } = JSON.parse(read("package.json"));
    const [pack] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] }));
    assert.equal(pack.version, version);
    const types = ["backoff", "codes", "connect", "error", "explain", "index", "input", "link", "liveness", "options", "output", "paste", "sentences", "session", "xterm"];
    assert.deepEqual(
      pack.files.map(({ path }) => path).sort(),
      ["LICENSE", "README.md", "codes.json", "package.json", "dist/codes.js", "dist/index.js", "dist/xterm.js", ...types.map((t) => `dist/${t}.d.ts`)].sort(),
    );
  });

  test("there is no run-time dependency, and the lock file names no registry", () => {
    const { dependencies, exports } = JSON.parse(read("package.json"));
    assert.equal(dependencies, undefined);
    for (const entry of Object.values(exports)) if (entry.types) assert.equal(Object.keys(entry)[0], "types");
    assert.doesNotMatch(read("package-lock.json"), /"resolved"|https?:/);
  });

  test("the types compile in a strict program", () => {
    writeFileSync(`${scratch}use.ts`, `
      import { connect, backoff, SshardError, type Session, type Exit } from "@sshard/client";
      import { SshardAddon } from "@sshard/client/xterm";
      import { explain } from "@sshard/client/codes";
      import { Terminal } from "@xterm/xterm";
      export async function use(WebSocket?: typeof globalThis.WebSocket): Promise<Exit> {
        const session: Session = await connect({ url: "wss://h/ws/x", user: "u", WebSocket, onPrompt: async ({ prompts }) => prompts.map(() => "") });
        session.addEventListener("latency", ({ detail }) => detail.rttMs.toFixed());
        session.addEventListener("state", { handleEvent: ({ detail }) => detail === "no-answer" });
        new Terminal().loadAddon(new SshardAddon(session, { onPaste: (text, raw) => text.length - raw.length, mapInput: (data) => data.toUpperCase() }));
        for await (const chunk of session.output) await session.write(chunk);
        const sentence: string | undefined = explain("limit")?.sentence;
        void [sentence, backoff(1), new SshardError("limit", "auth").hint];
        // @ts-expect-error no such signal
        session.signal("SIGINT");
        return session.exited;
      }`);
    writeFileSync(`${scratch}tsconfig.json`, JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: "ES2022", module: "NodeNext", exactOptionalPropertyTypes: true,
      lib: ["ES2022", "ESNext.Disposable", "DOM", "DOM.AsyncIterable"], types: [] }, include: ["use.ts"] }));
    execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", scratch], { stdio: "inherit" });
  });

  test("codes.json is the server's table, and what is generated is up to date", () => {
    assert(serverFacts().size >= 46);
    assert.deepEqual(differences(), []);
    for (const [path, text] of Object.entries(generated())) assert.equal(read(path), text, path);
    for (const { code, closeCode, retryable, from, sentence, cause, action } of readCodes()) {
      assert(sentence && cause, code);
      if (from === "server") assert(action, code);
      assert.deepEqual(explain(code), { code, retryable, from, sentence, cause, action, ...(closeCode && { closeCode }) });
    }
    assert.deepEqual([...EXPLANATIONS.keys()], Object.keys(CODES));
    assert.equal(explain("toString"), undefined);
  });

  test("no source file is above 400 lines", () => {
    for (const dir of ["src", "test", "test/support", "scripts"]) {
      for (const name of readdirSync(root + dir).filter((name) => /\.m?[jt]s$/.test(name)))
        assert(read(`${dir}/${name}`).split("\n").length <= 400, name);
    }
  });

  test("the README's examples run", async () => {
    const sshd = await startSshd();
    const origin = "https://app.example";
    const bridge = await startBridge(sshd, [`server.allowed_origins=${origin}`]);
    const examples = [...read("README.md").matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
    const outputs = [/^/, /Linux.*status 0/s, /Linux/, /login-failed login the SSH login failed Check/, /state closing.*\n?.*status 200/s];
    try {
      // Node takes no module over http: what the bridge serves to that origin is imported as a file.
      const served = await fetch(`http://${bridge.address}/client.js`, { headers: { origin } });
      assert.deepEqual([served.status, served.headers.get("access-control-allow-origin")], [200, origin], "make web builds it");
      writeFileSync(`${scratch}client.mjs`, await served.text());
      assert.equal(examples.length, outputs.length);
      for (const [n, example] of examples.entries()) {
        assert(example.trim().split("\n").length <= 14, `example ${n}`);
        const code = example
          .replaceAll("wss://bridge.example/ws/db", bridge.url)
          .replace("https://bridge.example/client.js", "./client.mjs")
          .replace('"me"', JSON.stringify(sshd.login.user))
          .replace('password: "secret"', `privateKey: ${JSON.stringify(sshd.login.privateKey)}`)
          .replace('import { Terminal } from "@xterm/xterm"', 'import { Terminal } from "../support/page.mjs"');
        writeFileSync(`${scratch}${n}.mjs`, `import "../support/page.mjs";\n${code}${n === 0 ? "\nawait session.close();" : ""}`);
        // Nothing is left behind that would keep Node from its end.
        const { stdout } = await run(process.execPath, [`${scratch}${n}.mjs`], { timeout: 60_000 });
        assert.match(stdout, outputs[n]);
      }
    } finally {
      await bridge.stop();
      await sshd.stop();
    }
  });
});
