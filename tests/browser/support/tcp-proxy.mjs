// A TCP proxy in the place of the network between browser and bridge: it can stall, resume, and reset connections.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class TcpProxy {
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #stalled = false;
  #server = createServer((near) => this.#forward(near));
  /** Address that it forwards to: `host:port`. */
  target = "";

  /** Listens, and returns the port. */
  async listen() {
    this.#server.listen(0, "127.0.0.1");
    // A test that is filtered out leaves it open.
    this.#server.unref();
    await once(this.#server, "listening");
    return /** @type {import("node:net").AddressInfo} */ (this.#server.address()).port;
  }

  /** Forwards nothing from now on, and closes nothing. */
  stall() {
    this.#stalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Forwards again, with what was held up. */
  resume() {
    this.#stalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Resets every connection. */
  reset() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close() {
    this.reset();
    this.#server.close();
  }

  /** @param {import("node:net").Socket} near */
  #forward(near) {
    const [host, port] = this.target.split(":");
    const far = connect(Number(port), host);
    for (const [from, to] of /** @type {const} */ ([[near, far], [far, near]])) {
      this.#sockets.add(from);
      from.on("data", (data) => to.write(data));
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#stalled) from.pause();
    }
  }
}
