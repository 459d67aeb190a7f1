// A TCP proxy that stands for the network between browser and bridge: it can go silent, and come back.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Cable {
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #silent = false;
  #server = createServer((near) => this.#join(near));
  /** Where it leads: `host:port`. */
  target = "";

  /** Listens, and returns the port. */
  async listen() {
    this.#server.listen(0, "127.0.0.1");
    // A test that does not run leaves it open.
    this.#server.unref();
    await once(this.#server, "listening");
    return /** @type {import("node:net").AddressInfo} */ (this.#server.address()).port;
  }

  /** From now on nothing passes, and nobody is told. */
  silence() {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Everything passes again, with what was held up. */
  mend() {
    this.#silent = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Breaks every connection. */
  sever() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close() {
    this.sever();
    this.#server.close();
  }

  /** @param {import("node:net").Socket} near */
  #join(near) {
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
      if (this.#silent) from.pause();
    }
  }
}
