// Against a real bridge and a real sshd.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { connect, SshardError } from "@sshard/client";
import { startBridge, startDemo, startSshd } from "./support/bridge.mjs";
import { collect, failure, sha256, sleep, unhandled, until, WebSocket, within } from "./support/tools.mjs";

describe("a real bridge", { timeout: 120_000 }, () => {
  let sshd, bridge, asking;
  before(async () => {
    sshd = await startSshd();
    bridge = await startBridge(sshd);
    asking = await startBridge(sshd, ["ssh.host_key_policy=ask", "ssh.known_hosts=/dev/null"]);
  });
  after(async () => {
    await Promise.all([bridge?.stop(), asking?.stop()]);
    await sshd?.stop();
    assert.deepEqual(unhandled, []);
  });
  const open = (options) => within(20_000, connect({ url: bridge.url, WebSocket, ...sshd.login, ...options }), "connect");

  test("a command's output and status arrive whole", async () => {
    const stages = [];
    const session = await open({ command: "echo out; exit 7", onStage: (stage) => stages.push(stage) });
    assert.match(session.id, /^[0-9a-f]{32}$/);
    const output = await collect(session.output);
    assert.equal(output.toString().trim(), "out");
    const exit = await session.exited;
    assert.equal(exit.status, 7);
    assert.equal(exit.signal, undefined);
    assert.deepEqual(stages, ["upgrade", "auth", "resolve", "connect", "handshake", "login", "shell", "relay"]);
    assert.equal(session.progress.received, output.length);
    await until(() => session.state === "closed", "closed");
  });

  test("a signal's name arrives", async () => {
    const session = await open({ command: "kill -9 $$" });
    await collect(session.output);
    assert.equal((await session.exited).signal, "KILL");
  });

  test("a key with a passphrase logs in, and env, term and size reach the shell", async () => {
    const session = await open({
      ...sshd.locked, term: "vt100", cols: 91.7, rows: Number.NaN, env: { GREETING: "grüß" },
      command: 'echo "$TERM $GREETING"; stty size',
    });
    assert.deepEqual((await collect(session.output)).toString().split(/\r?\n/).slice(0, 2), ["vt100 grüß", "24 91"]);
  });

  test("30 MB of output arrive whole through a slow reader, with backpressure", async () => {
    const bytes = 30 << 20;
    const noise = `head -c ${bytes} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00112233445566778899aabbccddeeff 2>/dev/null`;
    const session = await open({ command: `stty raw; ${noise} | sha256sum | head -c 64; ${noise}` });
    const hash = createHash("sha256");
    let [sum, total, chunks] = ["", 0, 0];
    for await (const chunk of session.output) {
      const text = chunk.subarray(0, 64 - sum.length);
      sum += Buffer.from(text).toString();
      hash.update(chunk.subarray(text.length));
      total += chunk.length - text.length;
      assert(session.progress.received - session.progress.consumed <= 384 << 10);
      if (++chunks % 50 === 0) await sleep(2);
    }
    assert.equal(total, bytes);
    assert.equal(hash.digest("hex"), sum);
  });

  test("unread bulk output stays within the window, and Ctrl-C interrupts it", async () => {
    const session = await open({ command: "trap 'echo; echo caught; exit 3' INT; while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", flowWindow: 65536 });
    await until(() => session.progress.received >= 60_000, "a full window");
    await sleep(300);
    assert(session.progress.received <= 65536);
    assert.equal(session.progress.consumed, 0);
    await session.write("\x03");
    const output = await within(20_000, collect(session.output));
    assert.match(output.toString().slice(-100), /caught/);
    assert.equal((await session.exited).status, 3);
  });

  test("5 MB of input arrive whole, with progress, and eof ends them", async () => {
    const bytes = Buffer.alloc(5 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8) * 13) & 0xff;
    // A terminal would edit; raw passes all bytes, and then eof is a hang-up of head's count.
    const session = await open({ command: `stty raw -echo; echo go; head -c ${bytes.length} | sha256sum` });
    const steps = [];
    const reader = session.output.getReader();
    let text = "";
    while (!text.includes("go")) text += Buffer.from((await reader.read()).value).toString();
    const written = session.write(bytes, { onProgress: (passed, total) => steps.push([passed, total]) });
    await within(30_000, written, "write");
    assert(steps.length > 50, `${steps.length} steps`);
    assert.deepEqual(steps.at(-1), [bytes.length, bytes.length]);
    assert(steps.every(([passed], i) => i === 0 || passed >= steps[i - 1][0]));
    for (let part; !(part = await reader.read()).done; ) text += Buffer.from(part.value).toString();
    assert.match(text, new RegExp(sha256(bytes)));
    assert.equal(session.progress.sent, bytes.length);
  });

  test("resize reaches the terminal once, and input is echoed", async () => {
    const session = await open({ command: `echo up; while :; do
      new=$(stty size); [ "$new" = "$old" ] || echo "$new"; old=$new
      read -r -t 0.05 line && [ "$line" = end ] && exit 0; done` });
    let text = "";
    const done = (async () => {
      for await (const chunk of session.output) text += Buffer.from(chunk).toString();
    })();
    done.catch(() => {});
    await until(() => text.includes("up"));
    for (const size of [[80, 24], [5000, -3], [Number.NaN, Infinity], [1000, 1]]) session.resize(...size);
    await until(() => text.includes("1 1000"), "the new size");
    session.resize(132, 43);
    await until(() => text.includes("43 132"), "the last size");
    await session.write("grüße end\nend\n");
    await within(10_000, done);
    assert.match(text, /grüße end/);
    assert.equal((await session.exited).status, 0);
  });

  test("a signal reaches the remote process", async () => {
    const session = await open({ command: "trap 'echo got it; exit 5' USR1; echo up; while :; do sleep 0.05; done" });
    const output = collect(session.output);
    await until(() => session.progress.received > 0 || session.state !== "open").catch(() => {});
    await sleep(200);
    session.signal("USR1");
    const text = (await within(10_000, output)).toString();
    assert.match(text, /got it/);
    assert.throws(() => session.signal("SIGUSR1"), SshardError);
  });

  test("a refused login is a typed error without the secret", async () => {
    const error = await failure(open({ user: "nobody-here", onPrompt: () => ["hunter2-secret"] }));
    assert(error instanceof SshardError);
    assert.equal(error.code, "login-failed");
    assert.equal(error.closeCode, 4401);
    assert.equal(error.stage, "login");
    assert.equal(error.retryable, false);
    assert(error.message && error.hint);
    assert.doesNotMatch(JSON.stringify({ ...error }) + error.message + error.stack, /hunter2|OPENSSH PRIVATE/);
  });

  test("an unusable key, a target that is not allowed, a closed port and a wrong path fail with their codes", async () => {
    assert.equal((await failure(open({ privateKey: "rubbish" }))).code, "unusable-key");
    const refused = await failure(open({ url: bridge.url.replace(/\d+$/, "9") }));
    assert.deepEqual([refused.code, refused.closeCode], ["target-refused", 4403]);
    const closed = await failure(open({ url: "ws://127.0.0.1:9/ws/x" }));
    assert.deepEqual([closed.code, closed.stage, closed.retryable], ["not-opened", "upgrade", true]);
    assert.equal((await failure(open({ url: bridge.url.replace("/ws/", "/none/") }))).code, "not-opened");
    const long = await failure(open({ user: "x".repeat(300) }));
    assert.deepEqual([long.code, long.closeCode], ["bad-message", 4400]);
  });

  test("prompts call onPrompt, and without one fail with a sentence", async () => {
    const error = await failure(open({ privateKey: undefined }));
    assert.equal(error.code, "no-prompt-handler");
    assert.match(error.message, /onPrompt/);
    const asked = [];
    const wrong = await failure(open({ privateKey: undefined, onPrompt: (prompt) => (asked.push(prompt), ["wrong"]) }));
    assert.equal(wrong.code, "login-failed");
    assert.deepEqual(asked[0].prompts.map(({ echo }) => echo), [false]);
    assert.match(asked[0].prompts[0].text, /[Pp]assword/);
  });

  test("an unknown host key is refused without onHostKey, and with one as it decides", async () => {
    const url = asking.url;
    const refused = await failure(open({ url }));
    assert.deepEqual([refused.code, refused.closeCode, refused.stage], ["host-key-refused", 4409, "host_key"]);
    assert.equal((await failure(open({ url, onHostKey: () => "yes" }))).code, "host-key-refused");
    let key;
    const stages = [];
    const session = await open({ url, command: "true", onStage: (s) => stages.push(s), onHostKey: async (k) => ((key = k), true) });
    assert.match(key.fingerprint, /^SHA256:/);
    assert.equal(key.algorithm, "ssh-ed25519");
    assert.equal(key.known, "new");
    assert.deepEqual(stages, ["upgrade", "auth", "resolve", "connect", "handshake", "host_key", "login", "shell", "relay"]);
    await session.exited;
  });

  test("close ends a session in time, and a killed session rejects as killed", async () => {
    const one = await open({ command: "sleep 100" });
    const states = [];
    one.addEventListener("state", (event) => states.push(event.detail));
    const late = one.write("x".repeat(1 << 20));
    await within(10_000, one.close(), "close");
    assert.deepEqual(states, ["closing", "closed"]);
    assert.equal((await failure(late)).code, "client-closed");
    assert.equal((await failure(one.exited)).code, "client-closed");
    assert.equal((await collect(one.output)).length, one.progress.received);
    await one.close();
    const two = await open({ command: "sleep 100" });
    const output = failure(collect(two.output));
    await fetch(`http://${bridge.admin}/api/v1/sessions/${two.id}`, { method: "DELETE", headers: { "x-sshard-admin": "1" } });
    const error = await within(10_000, failure(two.exited));
    assert.deepEqual([error.code, error.closeCode], ["killed", 4412]);
    assert.equal((await output).code, "killed");
    assert.equal((await failure(two.write("x"))).code, "killed");
  });

  test("an abort ends a running session", async () => {
    const abort = new AbortController();
    const session = await open({ command: "sleep 100", signal: abort.signal });
    abort.abort("enough");
    const error = await failure(session.exited);
    assert.deepEqual([error.code, error.cause], ["aborted", "enough"]);
    assert.equal(session.state, "closed");
  });

  test("pings measure the latency of both connections, and early", async () => {
    const since = performance.now();
    // The next would come after 15 s.
    const session = await open({ command: "sleep 100", onStage: () => {} });
    const { detail } = await within(10_000, new Promise((resolve) => session.addEventListener("latency", resolve, { once: true })));
    const took = performance.now() - since;
    for (const ms of [detail.rttMs, detail.sshMs]) assert(ms > 0 && ms <= took, `${ms} of ${took} ms`);
    await session[Symbol.asyncDispose]();
  });

  test("a bridge that hangs is reported as no-answer, then as open, and loses nothing", async () => {
    const session = await open({ url: asking.url, onHostKey: () => true, command: "cat", pingInterval: 300, pingTimeout: 2000 });
    const states = [];
    session.addEventListener("state", ({ detail }) => states.push(detail));
    const output = collect(session.output);
    asking.child.kill("SIGSTOP");
    try {
      await until(() => states.at(-1) === "no-answer", "no-answer");
      await session.write("typed meanwhile\r");
    } finally {
      asking.child.kill("SIGCONT");
    }
    await until(() => states.at(-1) === "open", "open");
    // A busy machine may have been taken for a bridge that hangs, too.
    assert(states.every((state, n) => state === ["no-answer", "open"][n % 2]), states.join());
    await session.write("\x04");
    assert.match((await within(10_000, output)).toString(), /typed meanwhile[^]*typed meanwhile/);
    assert.equal((await session.exited).status, 0);
  });

  test("the demo accepts its user by password", async () => {
    const demo = await startDemo();
    try {
      const { url, user, password } = demo;
      const session = await within(10_000, connect({ url, user, password, WebSocket }));
      const reader = session.output.getReader();
      assert((await within(10_000, reader.read())).value.length > 0);
      await session.close();
      assert.equal((await failure(connect({ url, user, password: "wrong", WebSocket }))).code, "login-failed");
    } finally {
      await demo.stop();
    }
  });
});
