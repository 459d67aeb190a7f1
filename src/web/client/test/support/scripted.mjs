// A WebSocket server that a test scripts, for what a real bridge does not do on demand.
import { connect } from "@sshard/client";
import { WebSocketServer } from "ws";
import { until, WebSocket, within } from "./tools.mjs";

/** Servers that run, the last one started also by its name. */
const servers = new Set();
export let server;

/** Starts a server, and runs `script` for each connection. */
export async function startScripted(script = () => {}, { protocol = "sshard.v1" } = {}) {
  const listener = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => protocol });
  const peers = [];
  listener.on("connection", (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    // A script that waits in vain is a failure of the client's, which the test sees.
    (async () => script(peer))().catch(() => {});
  });
  await new Promise((resolve) => listener.on("listening", resolve));
  const started = {
    url: `ws://127.0.0.1:${listener.address().port}/ws/x`,
    peers,
    stop() {
      servers.delete(started);
      for (const peer of peers) peer.socket.terminate();
      return new Promise((resolve) => listener.close(resolve));
    },
  };
  servers.add(started);
  server = started;
  return started;
}

/** Stops all servers; for `afterEach`. */
export const stopServers = () => Promise.all([...servers].map((one) => one.stop()));

/** Connects to a new server that runs `script`. */
export async function connectScripted(script, options) {
  const { url } = await startScripted(script);
  return within(10_000, connect({ url, user: "u", WebSocket, ...options }), "connect");
}

/** Starts a session at a new server, with fields of `auth` and of `ready`; returns it and its peer. */
export async function startSession(options, ready) {
  const session = await connectScripted((peer) => peer.login(ready), options);
  return { session, peer: server.peers[0] };
}

class Peer {
  texts = [];
  input = Buffer.alloc(0);
  messages = 0;
  closed = undefined;

  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data, binary) => {
      this.messages++;
      if (binary) this.input = Buffer.concat([this.input, data]);
      else this.texts.push(JSON.parse(data));
    });
    socket.on("close", (code) => (this.closed = code));
    socket.on("error", () => {});
  }

  send(message) {
    this.socket.send(typeof message === "string" || ArrayBuffer.isView(message) ? message : JSON.stringify(message));
  }

  hello(more) {
    this.send({ type: "hello", version: 1, features: [], auth_deadline_ms: 30000, max_message_bytes: 65536, ...more });
  }

  ready(more) {
    this.send({ type: "ready", session: "0".repeat(32), input_window: 65536, ...more });
  }

  /** Messages of a type. */
  of(type) {
    return this.texts.filter((message) => message.type === type);
  }

  async wait(type, count = 1) {
    await until(() => this.of(type).length >= count, `message ${type}`);
    return this.of(type)[count - 1];
  }

  /** Sends `hello`, and waits for the client's `auth`. */
  authenticate(more) {
    this.hello(more);
    return this.wait("auth");
  }

  /** From `hello` to `ready`. */
  async login(more) {
    await this.authenticate();
    this.ready(more);
  }
}
