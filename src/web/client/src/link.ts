import { codeOfClose, SshardError, type Code, type ErrorFacts, type Stage } from "./error.js";
import { Liveness } from "./liveness.js";
import { badOption, host, socketUrl, within, type ConnectOptions, type SocketLike } from "./options.js";

const PROTOCOL = "sshard.v1";
/** Length that no text message of a bridge reaches: a banner of 64 KiB, escaped, is shorter. */
const MAX_TEXT = 512 << 10;
/** Most bytes that the socket may buffer: the input window and control messages. */
const MAX_UNSENT = 4 << 20;
/** Wait for the close frame once the end is known, in ms. */
const CLOSE_TIMEOUT = 2000;
const HOUR = 3_600_000;
/** Messages of this version of the protocol; a client ignores all others. */
const KNOWN = /^(hello|host_key|banner|prompt|ready|input_ack|exit)$/;

/** A text message of the bridge; its fields are not checked yet. */
export type Message = { type: string } & Record<string, unknown>;

/** Events that reach the program, beside output and the end. */
export type LinkEvent = "latency" | "silent";

/** Owner of a {@link Link}. */
export interface LinkOwner {
  /** Handles a text message; false if it is malformed or out of order. */
  _text(message: Message): boolean;
  /** Handles output; false if it is out of order. */
  _bytes(bytes: Uint8Array<ArrayBuffer>): boolean;
  _event(type: LinkEvent, detail: unknown): void;
  /** The last call. */
  _ended(error: SshardError): void;
}

/** One WebSocket with its deadline, pings and single end. */
export class Link {
  _stage: Stage = "upgrade";
  readonly _liveness: Liveness;

  readonly #socket: SocketLike;
  readonly #signal: AbortSignal | undefined;
  #ended = false;
  /** End that is known before the close frame: code and facts. */
  #final: [Code, ErrorFacts | undefined] | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(
    options: ConnectOptions,
    public _owner: LinkOwner,
  ) {
    const { signal, WebSocket = host.WebSocket } = options;
    if (!WebSocket) throw badOption("WebSocket is missing");
    if (signal?.aborted) throw new SshardError("aborted", this._stage, { cause: signal.reason });
    const url = socketUrl(options.url);
    let socket: SocketLike;
    try {
      socket = new WebSocket(url, PROTOCOL);
    } catch (cause) {
      // A page over https that names ws:, for one.
      throw new SshardError("not-opened", this._stage, { cause });
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    // Before any secret is sent: this may be another service.
    socket.onopen = () => socket.protocol === PROTOCOL || this._fail("not-sshard");
    socket.onmessage = ({ data }) => this.#message(data);
    // The WebSocket of Node 20 does not always send a close event after it.
    socket.onerror = (event) => this._endWith(this.#lost(), { detail: event?.message });
    socket.onclose = ({ code }) => this._fail(codeOfClose(code, this.#lost()), {}, code);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    this._liveness = new Liveness(
      within(options.pingInterval, 100, HOUR, 15_000),
      within(options.pingTimeout, 100, HOUR, 9500),
      (data) => this._send({ type: "ping", data }),
      (silent) => this._owner._event("silent", silent),
    );
  }

  /** Sends input bytes, or anything else as JSON. */
  _send(message: object): void {
    // Dropped before the socket opens and after the end.
    if (this.#ended || this.#socket.readyState !== 1) return;
    if (this.#socket.bufferedAmount > MAX_UNSENT) return this._fail("no-answer");
    try {
      this.#socket.send(ArrayBuffer.isView(message) ? (message as Uint8Array<ArrayBuffer>) : JSON.stringify(message));
    } catch (cause) {
      this._fail("disconnected", { cause });
    }
  }

  /** Fails with `timeout` unless the next deadline, or none, is set in time. */
  _deadline(ms?: number): void {
    clearTimeout(this.#deadline);
    if (ms) this.#deadline = setTimeout(() => this._fail("timeout"), ms);
  }

  /** Ends at once, with the code that `_endWith` set, if it did. */
  _fail(code: Code, facts?: ErrorFacts, closeCode?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this._deadline();
    this._liveness._stop();
    this.#signal?.removeEventListener("abort", this.#abort);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // `ws` throws an error that has no listener.
    socket.onerror = () => {};
    this.#closeSocket();
    [code, facts] = this.#final ?? [code, facts];
    this._owner._ended(new SshardError(code, this._stage, { closeCode, ...facts }));
  }

  /** Ends at the bridge's close frame, or soon, with this code. Later messages are ignored. */
  _endWith(code: Code, facts?: ErrorFacts): void {
    if (this.#ended || this.#final) return;
    this.#final = [code, facts];
    this._deadline(CLOSE_TIMEOUT);
  }

  /** Sends the close frame; the session ends as `client-closed` or as it was to end before. */
  _close(): void {
    this._endWith("client-closed");
    this.#closeSocket();
  }

  readonly #abort = () => this._fail("aborted", { cause: this.#signal?.reason });

  #message(data: string | ArrayBuffer): void {
    this._liveness._received();
    if (this.#ended || this.#final) return;
    let message: Message | undefined;
    if (typeof data !== "string") {
      if (data.byteLength >= 0 && this._owner._bytes(new Uint8Array(data))) return;
    } else {
      try {
        if (data.length < MAX_TEXT) message = JSON.parse(data);
      } catch {
        // Refused below.
      }
      if (typeof message?.type === "string" && (this.#text(message) || !KNOWN.test(message.type))) return;
    }
    this._fail("bad-server", { detail: message?.type });
  }

  #text(message: Message): boolean {
    const { type, code, stage, retryable, message: detail } = message;
    if (type === "pong") {
      const rttMs = this._liveness._pong(message["data"]);
      const sshMs = message["ssh_ms"];
      if (rttMs !== undefined) this._owner._event("latency", { rttMs, ...(typeof sshMs === "number" && { sshMs }) });
    } else if (type === "error") {
      if (typeof stage === "string") this._stage = stage as Stage;
      this._endWith(`${code}`, { detail, retryable: retryable as boolean });
    } else {
      return this._owner._text(message);
    }
    return true;
  }

  #lost(): Code {
    return this._stage === "upgrade" ? "not-opened" : "disconnected";
  }

  #closeSocket(): void {
    try {
      this.#socket.close(1000);
    } catch {
      // Closed already.
    }
  }
}
