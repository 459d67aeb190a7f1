// Backpressure in both directions, against a scripted server: no byte is lost, and every queue is bounded.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { connectScripted, server, startSession, stopServers } from "./support/scripted.mjs";
import { collect, failure, sleep, unhandled, until, WebSocket } from "./support/tools.mjs";

const KIB = 1024;

describe("flow control", { timeout: 60_000 }, () => {
  afterEach(stopServers);
  after(() => assert.deepEqual(unhandled, []));
  const acks = (peer) => peer.of("ack").map(({ bytes }) => bytes);

  test("acks follow consumption, not receipt", async () => {
    const { session, peer } = await startSession();
    for (let i = 0; i < 8; i++) peer.send(Buffer.alloc(40 * KIB, i));
    await until(() => session.progress.received === 320 * KIB);
    await sleep(400);
    assert.deepEqual(acks(peer), []);
    const reader = session.output.getReader();
    await reader.read();
    await sleep(400);
    // One chunk is out, and its reader has not come back for more.
    assert.deepEqual(acks(peer), []);
    await reader.read();
    await until(() => acks(peer).length === 1);
    assert.deepEqual(acks(peer), [40 * KIB]);
    for (let i = 0; i < 6; i++) await reader.read();
    reader.read().catch(() => {});
    await until(() => acks(peer).at(-1) === 320 * KIB);
  });

  test("a little output is acknowledged once, when no more comes", async () => {
    const { session, peer } = await startSession();
    const all = collect(session.output);
    for (let i = 0; i < 20; i++) peer.send(Buffer.from("x"));
    await until(() => acks(peer).at(-1) === 20);
    assert(acks(peer).length <= 2, `${acks(peer)}`);
    peer.send({ type: "exit", status: 0 });
    assert.equal((await all).length, 20);
  });

  test("more output than the window ends the session, and what came before is delivered", async () => {
    const { session, peer } = await startSession({ flowWindow: 64 * KIB });
    peer.send(Buffer.alloc(64 * KIB));
    peer.send(Buffer.from("x"));
    assert.equal((await failure(session.exited)).code, "bad-server");
    const reader = session.output.getReader();
    assert.equal((await reader.read()).value.length, 64 * KIB);
    assert.equal((await failure(reader.read())).code, "bad-server");
  });

  test("output queued at the end is delivered before the end, and before an error", async () => {
    for (const last of [{ type: "exit", status: 0 }, { type: "error", code: "killed", message: "m" }]) {
      const { session, peer } = await startSession();
      for (let i = 0; i < 1000; i++) peer.send(Buffer.from([i & 255]));
      peer.send(last);
      peer.socket.close(1000);
      await until(() => session.state === "closed");
      let total = 0;
      const reading = (async () => {
        for await (const chunk of session.output) {
          for (const byte of chunk) assert.equal(byte, total++ & 255);
        }
      })();
      if (last.type === "exit") await reading;
      else assert.equal((await failure(reading)).code, "killed");
      assert.equal(total, 1000);
    }
  });

  test("readers that are released lose nothing, neither of the stream nor an OutputReader", async () => {
    const { session, peer } = await startSession();
    const parts = [];
    const first = session.output.getReader();
    const pending = first.read().catch(() => {});
    first.releaseLock();
    await pending;
    peer.send(Buffer.from("ab"));
    await until(() => session.progress.received === 2);
    const second = session.output.getReader();
    parts.push((await second.read()).value);
    const waiting = second.read().catch(() => {});
    second.releaseLock();
    await waiting;
    let calls = 0;
    const reader = session.read(() => calls++);
    assert.throws(() => session.output.getReader(), TypeError);
    assert.throws(() => session.read(() => {}), TypeError);
    peer.send(Buffer.from("cdef"));
    await until(() => calls === 1);
    parts.push(reader.take(3));
    assert.equal(session.progress.consumed, 2);
    reader.consumed(3);
    assert.equal(session.progress.consumed, 5);
    reader.consumed(1000);
    reader.consumed(-5);
    assert.equal(session.progress.consumed, 5);
    reader.release();
    reader.release();
    assert.equal(reader.take(1), undefined);
    const third = session.output.getReader();
    parts.push((await third.read()).value);
    peer.send(Buffer.from("g"));
    peer.send({ type: "exit" });
    parts.push((await third.read()).value);
    assert.equal((await third.read()).done, true);
    assert.equal(Buffer.concat(parts).toString(), "abcdefg");
  });

  test("after a break out of the output the rest is consumed", async () => {
    const { session, peer } = await startSession({ flowWindow: 64 * KIB });
    peer.send(Buffer.alloc(60 * KIB));
    for await (const chunk of session.output) if (chunk.length) break;
    for (let i = 1; i < 10; i++) {
      await until(() => acks(peer).at(-1) === i * 60 * KIB, "ack");
      peer.send(Buffer.alloc(60 * KIB));
    }
    peer.send({ type: "exit", status: 0 });
    assert.equal((await session.exited).status, 0);
  });

  test("input stays within the window and continues with each ack", async () => {
    const { session, peer } = await startSession({}, { input_window: 1000 });
    const data = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 255));
    let done = false;
    const copy = Buffer.from(data);
    const written = session.write(copy).then(() => (done = true));
    // The buffer is the caller's again at once.
    copy.fill(0);
    await until(() => peer.input.length === 1000);
    await sleep(100);
    assert.equal(peer.input.length, 1000);
    for (const acked of [250, 999, 1000, 1000, 500]) peer.send({ type: "input_ack", bytes: acked });
    await until(() => peer.input.length === 2000);
    assert(!done);
    for (const acked of [2000, 3000, 4000]) {
      peer.send({ type: "input_ack", bytes: acked });
      await until(() => peer.input.length === acked + 1000);
    }
    await written;
    assert(peer.input.equals(data));
    assert.deepEqual(session.progress, { sent: 5000, acked: 4000, received: 0, consumed: 0 });
  });

  test("an input_ack that is too large or no count ends the session", async () => {
    for (const bytes of [1, -1, 0.5, "0", undefined]) {
      const { session, peer } = await startSession();
      peer.send({ type: "input_ack", bytes });
      assert.equal((await failure(session.exited)).code, "bad-server");
    }
  });

  test("messages are no larger than the bridge reads", async () => {
    const session = await connectScripted(async (peer) => (await peer.authenticate({ max_message_bytes: 100 }), peer.ready()));
    await session.write("x".repeat(1000));
    const [peer] = server.peers;
    await until(() => peer.input.length === 1000);
    assert(peer.messages >= 11);
  });

  test("eof is sent after the input, and nothing after it", async () => {
    const { session, peer } = await startSession({}, { input_window: 10 });
    const written = session.write("0123456789abc");
    const ended = session.eof();
    assert.equal((await failure(session.write("late"))).code, "ended");
    await until(() => peer.input.length === 10);
    assert.equal(peer.of("eof").length, 0);
    peer.send({ type: "input_ack", bytes: 10 });
    await Promise.all([written, ended]);
    await peer.wait("eof");
    assert.equal(peer.input.toString(), "0123456789abc");
  });

  test("an aborted write withdraws the rest, and its tail follows a whole character", async () => {
    const { session, peer } = await startSession({}, { input_window: 10 });
    const tail = new TextEncoder().encode("]");
    const [one, two] = [new AbortController(), new AbortController()];
    const steps = [];
    const first = session.write("123456789ü23456789", { signal: one.signal, tail, onProgress: (...step) => steps.push(step) });
    const second = session.write("never", { signal: two.signal, tail });
    const third = session.write("then");
    await until(() => peer.input.length === 10);
    two.abort("second");
    one.abort("first");
    assert.equal((await failure(first)).cause, "first");
    assert.equal((await failure(second)).code, "aborted");
    peer.send({ type: "input_ack", bytes: 10 });
    await third;
    await until(() => peer.input.length === 16);
    assert.equal(peer.input.toString(), "123456789ü]then");
    // Too late to abort: in the tail.
    const last = new AbortController();
    await session.write("x", { signal: last.signal, tail });
    last.abort();
    assert.equal((await failure(session.write("y", { signal: last.signal }))).code, "aborted");
  });

  test("writes that are not awaited are bounded, and leave no rejection unhandled", async () => {
    const { session, peer } = await startSession({}, { input_window: 10 });
    const piece = "x".repeat(1 << 20);
    for (let i = 0; i < 40; i++) void session.write(piece);
    assert.equal((await failure(session.write("y"))).code, "input-overflow");
    for (const odd of [5, null, undefined, [1], {}, new DataView(new ArrayBuffer(2)), new Uint16Array(2), new ArrayBuffer(2)])
      assert.equal((await failure(session.write(odd))).code, "bad-option");
    peer.socket.terminate();
    await until(() => session.state === "closed");
    assert.equal((await failure(session.write("z"))).code, "disconnected");
  });

  test("a progress callback that throws is reported, and the write goes on", async () => {
    const { session, peer } = await startSession({}, { input_window: 10 });
    const reported = [];
    const listener = (error) => reported.push(error.message);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", listener);
    const written = session.write("0123456789abcdef", { onProgress: () => { throw new Error("mine"); } });
    await until(() => peer.input.length === 10);
    peer.send({ type: "input_ack", bytes: 10 });
    await written;
    await sleep(20);
    process.removeListener("uncaughtException", listener);
    for (const other of others) process.on("uncaughtException", other);
    assert.deepEqual(reported, ["mine", "mine"]);
    assert.equal(peer.input.toString(), "0123456789abcdef");
  });

  test("hold, release and resize are sent; an unchanged size is not", async () => {
    const { session, peer } = await startSession({ cols: 100, rows: 30 });
    session.resize(100, 30);
    session.hold();
    session.release();
    session.resize(100.9, 31);
    session.resize(100, 31);
    session.resize(100, 31, 800, 600);
    await peer.wait("resize", 2);
    assert.deepEqual(peer.texts.slice(1), [
      { type: "hold" }, { type: "release" },
      { type: "resize", cols: 100, rows: 31, width_px: 0, height_px: 0 },
      { type: "resize", cols: 100, rows: 31, width_px: 800, height_px: 600 },
    ]);
  });

  test("a socket whose buffer is full ends the session", async () => {
    let stuck = 0;
    class Stuck extends WebSocket {
      get bufferedAmount() { return stuck; }
    }
    const { session } = await startSession({ WebSocket: Stuck });
    stuck = 5 << 20;
    session.resize(10, 10);
    const error = await failure(session.exited);
    assert.deepEqual([error.code, session.state], ["no-answer", "closed"]);
  });

  test("tiny messages cost no more than their bytes", async () => {
    const { session, peer } = await startSession();
    for (let i = 0; i < 5000; i++) peer.send(Buffer.from([i & 255]));
    await until(() => session.progress.received === 5000);
    const chunks = [];
    const reader = session.output.getReader();
    let total = 0;
    while (total < 5000) {
      const { value } = await reader.read();
      chunks.push(value);
      for (const byte of value) assert.equal(byte, total++ & 255);
    }
    assert(chunks.length <= 257, `${chunks.length}`);
  });
});
