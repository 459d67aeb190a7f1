// A WebSocket server that a test scripts, for what a real bridge does not do on demand.
import { WebSocketServer } from "ws";
import { until } from "./tools.mjs";

/** Starts a server. Each connection is given to `script`, with what the client sent so far. */
export async function startScripted(script = () => {}, { protocol = "sshard.v1" } = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => protocol });
  const peers = [];
  server.on("connection", (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    // A script that waits in vain is a failure of the client's, which the test sees.
    Promise.resolve(script(peer)).catch(() => {});
  });
  await new Promise((resolve) => server.on("listening", resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}/ws/x`,
    peers,
    stop() {
      for (const peer of peers) peer.socket.terminate();
      return new Promise((resolve) => server.close(resolve));
    },
  };
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

  /** From `hello` to `ready`. */
  async login(more) {
    this.hello();
    const auth = await this.wait("auth");
    this.ready(more);
    return auth;
  }
}
