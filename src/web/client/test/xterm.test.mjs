// The addon with headless xterm.js, and with a mock of the page.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import headless from "@xterm/headless";
import { sanitizePaste, SshardAddon } from "@sshard/client/xterm";
import { startSession, stopServers } from "./support/scripted.mjs";
import { failure, sleep, unhandled, until } from "./support/tools.mjs";

const KIB = 1024;

describe("the addon", { timeout: 60_000 }, () => {
  afterEach(() => {
    delete globalThis.document;
    return stopServers();
  });
  after(() => assert.deepEqual(unhandled, []));
  const terminal = (options) => new headless.Terminal({ allowProposedApi: true, cols: 90, rows: 20, scrollback: 100_000, ...options });
  const line = (term, y) => term.buffer.active.getLine(y).translateToString(true);

  test("output, size, keys and binary reports are passed on", async () => {
    const { session, peer } = await startSession();
    const term = terminal();
    term.loadAddon(new SshardAddon(session));
    assert.deepEqual(await peer.wait("resize"), { type: "resize", cols: 90, rows: 20, width_px: 0, height_px: 0 });
    peer.send(Buffer.from("gr\xc3", "latin1"));
    peer.send(Buffer.from("\xbc\xc3\x9fe", "latin1"));
    await until(() => line(term, 0) === "grüße");
    term.input("ü");
    await until(() => peer.input.length === 2);
    term._core.coreService.triggerBinaryEvent("\x1b[M\xff\x80");
    await until(() => peer.input.length === 7);
    assert.deepEqual([...peer.input], [0xc3, 0xbc, 0x1b, 0x5b, 0x4d, 0xff, 0x80]);
    term.resize(50, 10);
    assert.equal((await peer.wait("resize", 2)).cols, 50);
    assert.throws(() => new SshardAddon(session).activate(term), TypeError);
  });

  test("mapInput changes or drops input before it is sent", async () => {
    const { session, peer } = await startSession();
    const term = terminal();
    const typed = [];
    const mapInput = (data) => (typed.push(data), data === "c" ? "\x03" : data === "no" ? "" : data);
    term.loadAddon(new SshardAddon(session, { mapInput }));
    for (const data of ["a", "c", "no", "", "ü"]) term.input(data);
    await until(() => peer.input.length === 4);
    term._core.coreService.triggerBinaryEvent("c");
    await until(() => peer.input.length === 5);
    assert.equal(peer.input.toString(), "a\x03üc");
    assert.deepEqual(typed, ["a", "c", "no", "ü"]);
  });

  test("acks come from the write callback, in slices of at most 32 KiB", async () => {
    const { session, peer } = await startSession();
    const term = terminal();
    const pending = [];
    const sizes = [];
    term.write = (data, done) => (sizes.push(data.length), pending.push(done));
    term.loadAddon(new SshardAddon(session));
    peer.send(Buffer.alloc(300 * KIB));
    await until(() => session.progress.received === 300 * KIB);
    await sleep(400);
    assert.deepEqual(sizes, [32, 32, 32, 32].map((n) => n * KIB));
    assert.equal(session.progress.consumed, 0);
    assert.deepEqual(peer.of("ack"), []);
    pending.shift()();
    await until(() => peer.of("ack").length === 1);
    assert.equal(peer.of("ack")[0].bytes, 32 * KIB);
    while (pending.length) pending.shift()();
    await until(() => peer.of("ack").at(-1).bytes >= 288 * KIB);
    await until(() => peer.of("ack").at(-1).bytes === 300 * KIB, "the ack of the rest");
    assert(sizes.every((size) => size <= 32 * KIB));
  });

  for (const sync of [false, true]) {
    test(`a hidden page continues slice by slice${sync ? ", with the hook" : ""}`, async () => {
      globalThis.document = { visibilityState: "hidden", addEventListener() {}, removeEventListener() {}, baseURI: "http://x/" };
      const { session, peer } = await startSession();
      const term = terminal();
      let calls = 0;
      const addon = new SshardAddon(session, { beforeHiddenWrite: sync ? (t) => (calls++, t.input("", true)) : undefined });
      term.loadAddon(addon);
      const lines = Array.from({ length: 3000 }, (_, i) => `line ${i} ${"x".repeat(70)}\r\n`).join("");
      peer.send(Buffer.from(lines));
      await until(() => session.progress.consumed === lines.length, "consumption");
      assert.match(line(term, 2999), /^line 2999 x/);
      assert.equal(peer.input.length, 0);
      if (sync) assert(calls >= lines.length / (32 * KIB));
      addon.dispose();
      addon.dispose();
      peer.send(Buffer.from("later"));
      await until(() => session.progress.received === lines.length + 5);
      const again = terminal();
      again.loadAddon(new SshardAddon(session));
      await until(() => line(again, 0) === "later");
      again.dispose();
    });
  }

  test("pastes are sanitised", () => {
    assert.equal(sanitizePaste("a\x1b[201~\r\ntouch /tmp/x\nb\rc\td\x7f\x00\x9b\x80\x9fe\x08üe\u202e"), "a[201~\rtouch /tmp/x\rb\rc\tdeüe\u202e");
    assert.equal(sanitizePaste("\x1b\x1b[20\x1b1~"), "[201~");
  });

  test("a paste is bracketed where the program asks, also when it is cancelled", async () => {
    const { session, peer } = await startSession({}, { input_window: 100 });
    const term = terminal();
    const addon = new SshardAddon(session);
    term.loadAddon(addon);
    await addon.paste("one\ntwo");
    await until(() => peer.input.length === 7);
    peer.send(Buffer.from("\x1b[?2004h"));
    await until(() => term.modes.bracketedPasteMode);
    await addon.paste("three\x1b[201~");
    await until(() => peer.input.length === 7 + 22);
    assert.equal(peer.input.toString(), "one\rtwo\x1b[200~three[201~\x1b[201~");
    peer.send({ type: "input_ack", bytes: 29 });
    const abort = new AbortController();
    const steps = [];
    const pasted = addon.paste("ü".repeat(1000), { signal: abort.signal, onProgress: (...step) => steps.push(step) });
    term.input("k");
    await until(() => peer.input.length === 129);
    peer.send({ type: "input_ack", bytes: 79 });
    await until(() => steps.length === 1);
    assert.deepEqual(steps, [[50, 2006]]);
    abort.abort();
    assert.equal((await failure(pasted)).code, "aborted");
    peer.send({ type: "input_ack", bytes: 129 });
    await until(() => peer.input.toString().endsWith("k"));
    assert.match(peer.input.subarray(29).toString(), /^\x1b\[200~ü+\x1b\[201~k$/);
    term.options.disableStdin = true;
    await addon.paste("nothing");
    assert(peer.input.toString().endsWith("k"));
  });

  test("the page's paste event is handled before xterm.js, by onPaste if it is given", async () => {
    const { session, peer } = await startSession();
    const asked = [];
    for (const options of [{}, { onPaste: (...texts) => asked.push(texts) }]) {
      const term = terminal();
      const listeners = [];
      let render;
      Object.defineProperty(term, "element", { value: undefined, configurable: true });
      term.onRender = (listener) => ((render = listener), { dispose() {} });
      const addon = new SshardAddon(session, options);
      term.loadAddon(addon);
      const element = {
        addEventListener: (...args) => listeners.push(args),
        removeEventListener: (type, listener) => assert.equal(listeners.pop()[1], listener),
      };
      Object.defineProperty(term, "element", { value: element });
      render();
      render();
      assert.deepEqual(listeners.map(([type, , capture]) => [type, capture]), [["paste", true]]);
      const done = [];
      const event = (text) => ({ clipboardData: { getData: () => text }, preventDefault: () => done.push("prevented"), stopImmediatePropagation: () => done.push("stopped") });
      listeners[0][1](event(""));
      assert.deepEqual(done, []);
      listeners[0][1](event("a\x1bb\n"));
      assert.deepEqual(done, ["prevented", "stopped"]);
      addon.dispose();
      assert.equal(listeners.length, 0);
    }
    await until(() => peer.input.toString() === "ab\r");
    assert.deepEqual(asked, [["ab\r", "a\x1bb\n"]]);
  });
});
