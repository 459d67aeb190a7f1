// Detection of a dead socket, where its times matter: on a made-up clock, and with a blocked event loop.
import assert from "node:assert/strict";
import { after, afterEach, describe, mock, test } from "node:test";
import { connect } from "@sshard/client";
import { startSession, stopServers } from "./support/scripted.mjs";
import { unhandled } from "./support/tools.mjs";

const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Made-up time, in ms. Timers are called at most {@link STEP} late. */
let clock;
const STEP = 10;

/** Starts the clock at `age`, the time since the page or process began. */
function startClock(age) {
  clock = age;
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => clock);
}

function advance(ms) {
  for (const end = clock + ms; clock < end; mock.timers.tick(STEP)) clock += STEP;
}

/** Socket without a network. */
class MadeUpSocket {
  readyState = 1;
  protocol = "sshard.v1";
  bufferedAmount = 0;
  /** Pings, and when they were sent. */
  pings = [];
  pingTimes = [];

  send(text) {
    const { type, data } = JSON.parse(text);
    if (type !== "ping") return;
    this.pings.push(data);
    this.pingTimes.push(clock);
  }

  close() {}

  receive(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  pong() {
    this.receive({ type: "pong", data: this.pings.at(-1) });
  }
}

/** Starts a session on the clock; returns its socket and the list of its later states, with their times. */
async function startOnClock(options) {
  let socket;
  class Only extends MadeUpSocket {
    constructor() {
      super();
      socket = this;
    }
  }
  const attempt = connect({ url: "ws://h/ws/x", user: "u", WebSocket: Only, ...options });
  socket.receive({ type: "hello", version: 1, max_message_bytes: 65536 });
  socket.receive({ type: "ready", session: "s", input_window: 65536 });
  const states = [];
  (await attempt).addEventListener("state", ({ detail }) => states.push([detail, clock]));
  return { socket, states };
}

describe("liveness", { timeout: 60_000 }, () => {
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
    return stopServers();
  });
  after(() => assert.deepEqual(unhandled, []));

  for (const age of [0, 2000, 1e6]) {
    test(`silence is reported pingTimeout after a ping, ${age} ms after the page began`, async () => {
      startClock(age);
      const { socket, states } = await startOnClock({ pingInterval: 16_000, pingTimeout: 60_000 });
      advance(1000);
      assert.deepEqual(socket.pingTimes, [age + 1000]);
      // An answer is followed by a pause and another ping.
      socket.pong();
      advance(16_000);
      assert.deepEqual(socket.pingTimes, [age + 1000, age + 17_000]);
      advance(59_000);
      assert.deepEqual(states, []);
      advance(1000);
      assert.deepEqual(states, [["no-answer", age + 77_000]]);
      socket.pong();
      assert.deepEqual(states.slice(1), [["open", age + 77_000]]);
    });
  }

  test("after a sleep another ping is sent, and its silence is reported, however late its timer is", async () => {
    startClock(1e6);
    const { socket, states } = await startOnClock({ pingInterval: 16_000, pingTimeout: 10_000 });
    advance(1000);
    assert.equal(socket.pings.length, 1);
    const sleep = () => {
      clock += 3_600_000;
      mock.timers.tick(10_000);
    };
    sleep();
    assert.equal(socket.pings.length, 2);
    assert.deepEqual(states, []);
    sleep();
    assert.deepEqual(states, [["no-answer", clock]]);
  });

  test("an answer that arrived while the event loop was blocked counts", async () => {
    const pingTimeout = 500;
    const { session, peer } = await startSession({ pingInterval: 1600, pingTimeout });
    const states = [];
    session.addEventListener("state", ({ detail }) => states.push(detail));
    peer.socket.on("message", (data) => {
      const { type, data: id } = JSON.parse(data);
      if (type !== "ping") return;
      peer.send({ type: "pong", data: id });
      // Longer than the delay of a timer that counts as a sleep. The event loop calls timers before it reads sockets.
      if (peer.of("ping").length === 1) block(pingTimeout + 3200);
    });
    // The pings: the first, that after the block, and one after a pause.
    await peer.wait("ping", 3);
    assert.deepEqual(states, []);
    await session.close();
  });
});
