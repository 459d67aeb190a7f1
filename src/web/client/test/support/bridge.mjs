// A real bridge, with a real sshd or with the demo's SSH server, for one test file.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = process.env.SSHARD_BIN ?? fileURLToPath(new URL("../../../../../target/debug/sshard", import.meta.url));
const loopback = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--shards", "1"];
/** Account that the sshd of the tests accepts; tests/setup.sh makes it. */
export const user = process.env.SSHARD_TEST_USER ?? "sshard-test";

/**
 * Starts a program and waits for a line of its output.
 * @param {string} command
 * @param {string[]} args
 * @param {RegExp} pattern
 * @param {NodeJS.ProcessEnv} env
 */
export function start(command, args, pattern, env = process.env) {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  /** @type {Promise<RegExpExecArray>} */
  const found = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${command} printed no ${pattern}:\n${text}`)), 20_000);
    const look = (/** @type {Buffer} */ chunk) => {
      text = (text + chunk).slice(-100_000);
      const match = pattern.exec(text);
      if (match) {
        clearTimeout(late);
        resolve(match);
      }
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.on("error", reject);
    // After the last of the output, which says why.
    child.on("close", (code) => {
      clearTimeout(late);
      reject(new Error(`${command} ended with ${code}:\n${text}`));
    });
  });
  /** @returns {Promise<void>} */
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.on("exit", () => resolve());
      child.kill("SIGKILL");
    });
  return { child, found, stop, log: () => text };
}

/**
 * A bridge for `sshd`, with more settings.
 * @param {{ port: number, knownHosts: string }} sshd
 * @param {string[]} settings
 * @param {string[]} extra
 */
export async function startBridge(sshd, settings = [], extra = []) {
  const set = [`ssh.known_hosts=${sshd.knownHosts}`, "rate_limit.login_failures=0", ...settings].flatMap((s) => ["--set", s]);
  const bridge = start(binary, ["serve", ...loopback, "--allow", `127.0.0.1:${sshd.port}`, ...set, ...extra], /listening on (\S+)/);
  const [, address] = await bridge.found;
  const admin = /admin at (\S+)/.exec(bridge.log())?.[1] ?? "";
  return { ...bridge, address, admin, url: `ws://${address}/ws/127.0.0.1/${sshd.port}` };
}

/** `sshard demo`: bridge and SSH server in one. Its shells read no file of the user who runs the tests. */
export async function startDemo() {
  const pattern = /A terminal is at +(\S+)\s+user +(\S+)\s+password +(\S+)/;
  const env = { ...process.env, HOME: mkdtempSync(join(tmpdir(), "sshard-home-")) };
  const demo = start(binary, ["demo", ...loopback], pattern, env);
  const [, url, user, password] = await demo.found;
  return { ...demo, url, user, password };
}

/** @returns {Promise<number>} */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * An sshd with a key that opens the tests' account. Needs root. `lines` of sshd_config go before, and so override,
 * its own.
 * @param {string[]} lines
 */
export async function startSshd(lines = []) {
  const dir = mkdtempSync(join(tmpdir(), "sshard-client-"));
  chmodSync(dir, 0o755);
  const key = (/** @type {string} */ name, /** @type {string} */ passphrase) => {
    const path = join(dir, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", path]);
    return path;
  };
  const [hostKey, plain, locked] = [key("host", ""), key("plain", ""), key("locked", "open sesame")];
  const publicLine = (/** @type {string} */ path) => readFileSync(`${path}.pub`, "utf8");
  writeFileSync(join(dir, "authorized_keys"), publicLine(plain) + publicLine(locked));
  const knownHosts = join(dir, "known_hosts");
  /** @param {number} attempts @returns {Promise<{ port: number, sshd: ReturnType<typeof start> }>} */
  const listen = async (attempts) => {
    const port = await freePort();
    writeFileSync(knownHosts, `[127.0.0.1]:${port} ${publicLine(hostKey)}`);
    writeFileSync(join(dir, "config"), [
      ...lines,
      `ListenAddress 127.0.0.1:${port}`, `HostKey ${hostKey}`, `AuthorizedKeysFile ${dir}/authorized_keys`, "PidFile none",
      "StrictModes no", "UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no", "AcceptEnv *",
      "PrintMotd no", "PrintLastLog no", "UseDNS no", "MaxStartups 100", "",
    ].join("\n"));
    const sshd = start("/usr/sbin/sshd", ["-D", "-e", "-f", join(dir, "config")], /Server listening/);
    try {
      await sshd.found;
    } catch (error) {
      // Another process may have bound the port since.
      if (attempts > 1 && sshd.log().includes("Cannot bind")) return listen(attempts - 1);
      throw error;
    }
    return { port, sshd };
  };
  const { port, sshd } = await listen(5);
  return {
    dir,
    port,
    knownHosts,
    login: { user, privateKey: readFileSync(plain, "utf8") },
    locked: { user, privateKey: readFileSync(locked, "utf8"), passphrase: "open sesame" },
    async stop() {
      await sshd.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
