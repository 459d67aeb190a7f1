// Against a scripted server: messages out of order, malformed input, silence, and aborts at every stage.
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { after, afterEach, describe, test } from "node:test";
import { backoff, connect, SshardError } from "@sshard/client";
import { connectScripted, server, startScripted, startSession, stopServers } from "./support/scripted.mjs";
import { collect, failure, sleep, unhandled, until, WebSocket, within } from "./support/tools.mjs";

const login = { user: "u", password: "hunter2-secret", WebSocket };

describe("a scripted bridge", { timeout: 60_000 }, () => {
  afterEach(stopServers);
  after(() => assert.deepEqual(unhandled, []));

  test("auth carries what was given, and nothing that was not", async () => {
    const { peer } = await startSession({ password: "hunter2-secret", cols: 0, rows: 1e9, term: "dumb", ticket: "t" });
    assert.deepEqual(peer.of("auth")[0], {
      type: "auth", username: "u", password: "hunter2-secret", ticket: "t", term: "dumb", cols: 1, rows: 1000, flow_window: 393216,
    });
  });

  const malformed = {
    "binary before hello": (p) => p.send(Buffer.from("x")),
    "text that is no JSON": (p) => p.send("nonsense"),
    "null": (p) => p.send("null"),
    "an array": (p) => p.send("[]"),
    "a type that is no string": (p) => p.send({ type: 1 }),
    "ready before auth": (p) => p.ready(),
    "exit before ready": (p) => (p.hello(), p.send({ type: "exit", status: 0 })),
    "hello twice": (p) => (p.hello(), p.hello()),
    "hello of another version": (p) => p.hello({ version: 2 }),
    "a hello without a size": (p) => p.hello({ max_message_bytes: "1" }),
    "binary before ready": (p) => (p.hello(), p.send(Buffer.from("x"))),
    "ready without a window": (p) => (p.hello(), p.ready({ input_window: 0 })),
    "ready with a fraction": (p) => (p.hello(), p.ready({ input_window: 1.5 })),
    "ready without an id": (p) => (p.hello(), p.ready({ session: null })),
    "a prompt of the wrong form": (p) => (p.hello(), p.send({ type: "prompt", id: 1, prompts: [{ text: 1, echo: true }] })),
    "a prompt without an id": (p) => (p.hello(), p.send({ type: "prompt", prompts: [] })),
    "a host key without a fingerprint": (p) => (p.hello(), p.send({ type: "host_key", id: 1, algorithm: "x" })),
    "a megabyte of text": (p) => p.send({ type: "banner", text: "x".repeat(1 << 20) }),
  };
  for (const [name, script] of Object.entries(malformed)) {
    test(`malformed input is refused: ${name}`, async () => {
      const error = await failure(connectScripted(script, { onPrompt: () => [] }));
      assert(error instanceof SshardError);
      assert.equal(error.code, "bad-server");
      await until(() => server.peers[0].closed !== undefined, "the close");
    });
  }

  test("unknown messages are ignored, before and after ready", async () => {
    const odd = { type: "weather", wind: null };
    const session = await connectScripted(async (peer) => {
      peer.send(odd);
      await peer.login({ extra: [] });
      peer.send(odd);
      peer.send("{\"type\":\"__proto__\",\"__proto__\":{\"x\":1}}");
      peer.send({ type: "pong", data: "never asked" });
      peer.send(Buffer.alloc(0));
      peer.send(Buffer.from("ok"));
      peer.send({ type: "exit", status: 0 });
    });
    assert.equal((await collect(session.output)).toString(), "ok");
    assert.deepEqual(await session.exited, { coreDumped: false, message: "", status: 0 });
    // The peer does not close: the client does, soon.
    await until(() => session.state === "closed" && server.peers[0].closed !== undefined, "closed");
  });

  test("options, and the secrets in them, can be garbage-collected once the session runs", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc");
    await startScripted((peer) => peer.login());
    let options = { ...login, url: server.url, onPrompt: () => [] };
    const left = new WeakRef(options);
    const session = await connect(options);
    options = undefined;
    await until(() => (gc(), left.deref() === undefined), "collection");
    assert.equal(session.state, "open");
  });

  test("another subprotocol gets no secret", async () => {
    const other = await startScripted((peer) => peer.hello(), { protocol: "" });
    assert.match((await failure(connect({ url: other.url, ...login }))).code, /not-sshard|not-opened/);
    // The class of ws fails by itself where a browser would let it pass.
    class Lenient extends WebSocket {
      get protocol() { return "other"; }
    }
    assert.equal((await failure(connectScripted((peer) => peer.hello(), { ...login, WebSocket: Lenient }))).code, "not-sshard");
    await sleep(50);
    assert.deepEqual([...other.peers, ...server.peers].flatMap((peer) => peer.texts), []);
  });

  test("an abort ends the attempt at every stage", async () => {
    const stages = {
      upgrade: () => {},
      auth: (peer) => peer.hello(),
      host_key: async (peer) => (await peer.authenticate(), peer.send({ type: "host_key", id: 1, algorithm: "a", fingerprint: "f" })),
      login: async (peer) => (await peer.authenticate(), peer.send({ type: "prompt", id: 1, name: "", instruction: "", prompts: [] })),
      banner: async (peer) => (await peer.authenticate(), peer.send({ type: "banner", text: "hi" })),
    };
    for (const [stage, script] of Object.entries(stages)) {
      const abort = new AbortController();
      let asked, last;
      const never = (_, { signal }) => ((asked = signal), new Promise(() => {}));
      const onBanner = () => (last = "banner");
      const attempt = connectScripted(script, { signal: abort.signal, onPrompt: never, onHostKey: never, onBanner, onStage: (s) => (last = s) });
      attempt.catch(() => {});
      await until(() => last === stage, stage);
      await sleep(20);
      abort.abort(new Error("no more"));
      const error = await failure(attempt);
      assert.equal(error.code, "aborted", stage);
      assert.equal(error.cause.message, "no more");
      if (/host_key|login/.test(stage)) assert(asked.aborted);
      await until(() => server.peers.every(({ closed }) => closed !== undefined), "closed");
    }
    const before = await failure(connect({ url: "ws://127.0.0.1:9/", ...login, signal: AbortSignal.abort() }));
    assert.equal(before.code, "aborted");
  });

  test("an abort while the socket opens leaves no error behind", async () => {
    const { createServer } = await import("node:net");
    const mute = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => mute.once("listening", resolve));
    const url = `ws://127.0.0.1:${mute.address().port}/`;
    const abort = new AbortController();
    const attempt = connect({ url, ...login, signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    assert.equal((await failure(attempt)).code, "aborted");
    const late = await failure(connect({ url, ...login, timeout: 100 }));
    assert.deepEqual([late.code, late.retryable], ["timeout", true]);
    await sleep(50);
    mute.close();
  });

  test("a signal that outlives its session keeps no listener", async () => {
    const signal = new AbortController().signal;
    let count = 0;
    const counting = new Proxy(signal, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name === "addEventListener") return (...a) => (count++, value.apply(target, a));
        if (name === "removeEventListener") return (...a) => (count--, value.apply(target, a));
        return value;
      },
    });
    const { session } = await startSession({ signal: counting });
    await session.write("x", { signal: counting });
    assert.equal(count, 1);
    await session.close();
    assert.equal(count, 0);
  });

  test("an error message rejects with its code, and with the close code that follows", async () => {
    const error = await failure(
      connectScripted(async (peer) => {
        await peer.authenticate();
        peer.send({ type: "error", code: "no-common-algorithm", stage: "handshake", message: "no\u001b[2J\u202ealgorithm", retryable: false });
        peer.socket.close(4502);
      }),
    );
    assert.deepEqual([error.code, error.stage, error.closeCode, error.message], ["no-common-algorithm", "handshake", 4502, "no [2J algorithm"]);
    const strange = await failure(connectScripted((peer) => (peer.send({ type: "error", code: "constructor", message: 5 }), peer.socket.close(4999))));
    assert.deepEqual([strange.code, strange.closeCode, strange.retryable, strange.hint], ["constructor", 4999, false, ""]);
    // One that never closes.
    const slow = await within(10_000, failure(connectScripted((peer) => peer.send({ type: "error", code: "limit", message: "full", retryable: true }))));
    assert.deepEqual([slow.code, slow.closeCode, slow.retryable], ["limit", 1013, true]);
  });

  test("a close without an error message is classified by its close code", async () => {
    for (const [closeCode, code] of [[4401, "login-failed"], [1013, "limit"], [4502, "unreachable"], [4409, "host-key-unknown"], [4503, "connection-lost"], [1008, "control-frame-flood"], [1001, "drain"], [4999, "disconnected"], [1000, "disconnected"]]) {
      const error = await failure(connectScripted(async (peer) => (await peer.authenticate(), peer.socket.close(closeCode))));
      assert.deepEqual([error.code, error.closeCode], [code, closeCode]);
    }
    const { session, peer } = await startSession();
    const output = failure(collect(session.output));
    peer.socket.terminate();
    assert.equal((await failure(session.exited)).code, "disconnected");
    assert.equal((await output).code, "disconnected");
  });

  test("callbacks that fail end the attempt with their error as the cause", async () => {
    const ask = async (peer) => (await peer.authenticate(), peer.send({ type: "notice", kind: "stage", stage: "connect" }), peer.send({ type: "banner", text: "b" }),
      peer.send({ type: "host_key", id: 7, algorithm: "a", fingerprint: "f" }), await peer.wait("host_key_answer"),
      peer.send({ type: "prompt", id: 8, name: "n", instruction: "i", prompts: [{ text: "t", echo: false }] }));
    const good = { onHostKey: () => true, onPrompt: () => ["x"], onBanner() {} };
    const bad = () => { throw new TypeError("mine"); };
    for (const [options, stage] of [
      [{ onBanner: bad }], [{ onHostKey: bad }], [{ onPrompt: async () => bad() }], [{ onStage: bad }, "upgrade"],
      [{ onStage: (s) => s === "connect" && bad() }, "connect"],
    ]) {
      const error = await failure(connectScripted((peer) => ask(peer), { ...good, ...options }));
      assert.deepEqual([error.code, error.cause.message], ["callback-failed", "mine"]);
      if (stage) assert.equal(error.stage, stage);
    }
    for (const answer of [undefined, [], ["a", "b"], [1], "x", {}]) {
      const error = await failure(connectScripted((peer) => ask(peer), { ...good, onPrompt: () => answer }));
      assert.equal(error.code, "callback-failed");
      assert.equal(server.peers[0].of("answer").length, 0);
    }
  });

  test("stages are requested with onStage, and reported as they come", async () => {
    const stage = (name) => ({ type: "notice", kind: "stage", stage: name });
    const script = async (peer) => {
      await peer.authenticate();
      peer.send({ type: "notice", kind: "drain", deadline_ms: 60_000 });
      // Twice, and one of a newer bridge.
      for (const name of ["resolve", "connect", "connect", "quantum", "login"]) peer.send(stage(name));
      peer.ready();
    };
    const stages = [];
    const session = await connectScripted(script, { onStage: (name) => stages.push(name) });
    assert.deepEqual(stages, ["upgrade", "auth", "resolve", "connect", "quantum", "login", "relay"]);
    assert.equal(session.notice.kind, "drain");
    assert.equal(server.peers[0].of("auth")[0].progress, true);
    await connectScripted(script);
    assert(!("progress" in server.peers[0].of("auth")[0]));
    // The error names the stage in which the connection was lost.
    const lost = await failure(connectScripted(async (peer) => {
      await peer.authenticate();
      peer.send(stage("connect"));
      await sleep(20);
      peer.socket.terminate();
    }, { onStage: () => {} }));
    assert.deepEqual([lost.code, lost.stage], ["disconnected", "connect"]);
  });

  test("optional fields of the protocol are used where present", async () => {
    const keys = [];
    let sent, listens;
    const listening = new Promise((resolve) => (listens = resolve));
    const session = await connectScripted(async (peer) => {
      await peer.authenticate();
      peer.send({ type: "host_key", id: 1, algorithm: "a", fingerprint: "f", known: "changed" });
      await peer.wait("host_key_answer");
      peer.send({ type: "host_key", id: 2, algorithm: "a", fingerprint: "f", known: "whatever" });
      await peer.wait("host_key_answer", 2);
      peer.ready();
      await listening;
      sent = Date.now();
      peer.send({ type: "notice", kind: "drain", deadline_ms: 60_000 });
      for (let n = 1; ; n++) peer.send({ type: "pong", data: (await peer.wait("ping", n)).data, ssh_ms: 12.5 });
    }, { onHostKey: (key) => (keys.push(key), true), pingInterval: 100 });
    const notice = new Promise((resolve) => session.addEventListener("notice", resolve));
    const latency = new Promise((resolve) => session.addEventListener("latency", resolve));
    listens();
    const { detail } = await within(10_000, latency);
    assert.equal(detail.sshMs, 12.5);
    const { kind, deadline } = (await notice).detail;
    assert.equal(kind, "drain");
    assert(deadline >= sent + 60_000 && deadline <= Date.now() + 60_000);
    assert.equal(session.notice.deadline, deadline);
    await session.close();
    assert.deepEqual(keys, [{ algorithm: "a", fingerprint: "f", known: "changed" }, { algorithm: "a", fingerprint: "f" }]);
  });

  test("a newer question replaces one without an answer", async () => {
    const prompt = (id) => ({ type: "prompt", id, name: "", instruction: "", prompts: [{ text: `${id}?`, echo: true }] });
    const signals = [];
    const answers = [];
    const onPrompt = ({ prompts }, { signal }) => (signals.push(signal), new Promise((resolve) => answers.push(() => resolve([prompts[0].text]))));
    const session = await connectScripted(async (peer) => {
      await peer.authenticate();
      peer.send(prompt(1));
      peer.send(prompt(2));
      await until(() => answers.length === 2);
      for (const answer of answers) answer();
      await peer.wait("answer");
      peer.ready();
    }, { onPrompt });
    assert.deepEqual(server.peers[0].of("answer"), [{ type: "answer", id: 2, answers: ["2?"] }]);
    assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
    await session.close();
  });

  test("a notice may come at any time", async () => {
    const session = await connectScripted(async (peer) => {
      const notice = { type: "notice", kind: "drain", deadline_ms: 18446744073709551615 };
      peer.send(notice);
      await peer.authenticate();
      peer.send({ ...notice, deadline_ms: 5000 });
      peer.ready();
    });
    assert.equal(session.notice.kind, "drain");
    assert(session.notice.deadline <= Date.now() + 5000);
  });

  test("a notice without a deadline does not replace a drain", async () => {
    const bare = { type: "notice", kind: "no-terminal" };
    const drain = { type: "notice", kind: "drain", deadline_ms: 0 };
    const { session: early, peer } = await startSession();
    const seen = [];
    early.addEventListener("notice", ({ detail }) => seen.push(detail));
    for (const notice of [bare, { ...bare, deadline_ms: null }, { ...bare, kind: "newer", deadline_ms: "x" }, drain, bare]) peer.send(notice);
    await until(() => seen.length === 5);
    assert.deepEqual(seen.map(({ kind }) => kind), ["no-terminal", "no-terminal", "newer", "drain", "no-terminal"]);
    assert.deepEqual(seen.map(({ deadline }) => deadline > 0), [false, false, false, true, false]);
    assert.deepEqual(early.notice, seen[3]);
    assert.equal(early.state, "open");
    for (const [notices, kind] of [[[bare], "no-terminal"], [[drain, bare], "drain"], [[bare, drain], "drain"]]) {
      const session = await connectScripted(async (peer) => {
        await peer.authenticate();
        for (const notice of notices) peer.send(notice);
        peer.ready();
      });
      assert.equal(session.notice.kind, kind);
    }
  });

  test("silence is reported within its time, and ends with the next byte", async () => {
    const { session, peer } = await startSession({ pingInterval: 150, pingTimeout: 100 });
    const states = [];
    session.addEventListener("state", ({ detail }) => states.push(detail));
    await until(() => states.length === 1, "no-answer");
    assert.deepEqual(states, ["no-answer"]);
    peer.send(Buffer.from("x"));
    await until(() => states.length === 2, "open");
    assert.deepEqual(states, ["no-answer", "open"]);
    await session.close();
    const early = await failure(connectScripted((peer) => peer.hello(), { pingInterval: 100, pingTimeout: 100 }));
    assert.equal(early.code, "no-answer");
  });

  test("online, pageshow and a visible tab ping at once, and no listener stays afterwards", async () => {
    const listeners = new Set();
    const page = (target) => {
      target.addEventListener = (type, listener) => listeners.add(Object.assign(listener, {})) && (page[type] = listener);
      target.removeEventListener = (type) => listeners.delete(page[type]) || delete page[type];
    };
    page(globalThis);
    globalThis.document = { visibilityState: "hidden", baseURI: "http://127.0.0.1/" };
    page(globalThis.document);
    try {
      const { session, peer } = await startSession();
      for (const type of ["online", "pageshow", "visibilitychange"]) {
        page[type]();
        await sleep(30);
        assert.equal(peer.of("ping").length, 0);
      }
      document.visibilityState = "visible";
      for (const [n, type] of ["online", "pageshow", "visibilitychange"].entries()) {
        page[type]();
        await peer.wait("ping", n + 1);
      }
      await session.close();
      assert.equal(listeners.size, 0);
    } finally {
      delete globalThis.document;
      delete globalThis.addEventListener;
      delete globalThis.removeEventListener;
    }
  });

  test("invalid options are refused without a connection, and are not quoted", async () => {
    const good = { url: "ws://127.0.0.1:9/", ...login };
    for (const bad of [{ url: "ws://h/?secret=hunter2" }, { url: "ws://u:hunter2@h/" }, { url: "ws://h/#hunter2" }, { url: "ws://h/?" }, { url: "ftp://h/" },
      { url: "/relative" }, { url: "" }, { url: undefined }, { user: "" }, { user: undefined }]) {
      const error = await failure(connect({ ...good, ...bad }));
      assert.equal(error.code, "bad-option", JSON.stringify(bad));
      assert.doesNotMatch(error.message + error.stack, /hunter2/);
    }
    if (!globalThis.WebSocket) assert.equal((await failure(connect({ ...good, WebSocket: undefined }))).code, "bad-option");
    await startScripted((peer) => peer.login());
    assert.equal((await failure(connect({ ...login, url: undefined }))).code, "bad-option");
    const session = await connect({ ...login, url: new URL(server.url.replace("ws:", "http:")) });
    await session.close();
  });

  test("the backoff grows, with jitter, up to a maximum", () => {
    assert.equal(backoff(0, { random: () => 0 }), 250);
    assert.equal(backoff(0, { random: () => 1 }), 500);
    assert.equal(backoff(3, { random: () => 1 }), 4000);
    for (const attempt of [20, 5000, Infinity]) assert.equal(backoff(attempt, { random: () => 1 }), 30_000);
    for (const attempt of [-1, Number.NaN]) assert(backoff(attempt) <= 500);
  });
});
