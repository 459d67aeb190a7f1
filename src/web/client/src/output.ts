import type { Link } from "./link.js";

/** Consumed and unacknowledged bytes at which an ack is sent. */
const ACK_EVERY = 32 * 1024;
/** Pause after which fewer are acknowledged, in ms. */
const ACK_IDLE = 250;
/** Chunks that may be queued; more are merged, so that tiny messages cost no more than their bytes. */
const MAX_CHUNKS = 256;

/** Reader of the output for consumers with a delay. The `output` stream stays locked until `release`. */
export interface OutputReader {
  /** Next output, at most `max` bytes of it; undefined while there is none. */
  take(max: number): Uint8Array<ArrayBuffer> | undefined;
  /** Reports bytes as consumed, in the order they were taken. */
  consumed(bytes: number): void;
  /** Releases the output; what was taken counts as consumed. */
  release(): void;
}

/** Queue of output for the consumer. Nothing is acknowledged before it is consumed. */
export class Output {
  /** Bytes received and consumed since `ready`. */
  _received = 0;
  _consumed = 0;
  readonly _stream: ReadableStream<Uint8Array<ArrayBuffer>>;

  #acked = 0;
  #taken = 0;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #ended = false;
  #failure: Error | undefined;
  #pulling = false;
  #wake: (() => void) | undefined;
  #reader: (() => void) | undefined;
  #cancelled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  constructor(
    readonly _link: Link,
    readonly _window: number,
  ) {
    this._stream = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#cancelled = true;
          this.#queue = [];
          this.#consume(this._received);
        },
      },
      // Nothing is taken before a read.
      { highWaterMark: 0 },
    );
  }

  /** Queues a message; false if it exceeds the window. */
  _push(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (!bytes.length) return true;
    this._received += bytes.length;
    if (this._received - this.#acked > this._window) return false;
    if (this.#cancelled) {
      this.#consume(this._received);
    } else {
      this.#queue.push(bytes);
      if (this.#queue.length > MAX_CHUNKS) this.#merge();
      this.#notify();
    }
    return true;
  }

  /** Ends the output after what is queued, with an error if the session failed. */
  _end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    clearTimeout(this.#timer);
    this.#notify();
    if (!this.#pulling) this.#finish();
  }

  /** Locks the output for one {@link OutputReader}. */
  _read(onAvailable: () => void): OutputReader {
    const lock = this._stream.getReader();
    // The stream's last chunk counts as consumed; its pending pull must not take another.
    this.#consume(this.#taken);
    this.#reader = onAvailable;
    this.#wake?.();
    let open = true;
    return {
      take: (max) => (open ? this.#take(max) : undefined),
      consumed: (bytes) => {
        if (open) this.#consume(Math.min(this._consumed + Math.max(0, bytes), this.#taken));
      },
      release: () => {
        if (!open) return;
        open = false;
        this.#reader = undefined;
        this.#consume(this.#taken);
        lock.releaseLock();
        if (this.#ended) this.#finish();
      },
    };
  }

  /** One pull of the stream's reader, which says that the last chunk is consumed. */
  async #pull(): Promise<void> {
    this.#pulling = true;
    this.#consume(this.#taken);
    while (!this.#queue.length && !this.#ended && !this.#reader) {
      await new Promise<void>((wake) => (this.#wake = wake));
    }
    this.#wake = undefined;
    this.#pulling = false;
    // A reader that was released since must not lose a chunk.
    if (this.#reader || this.#cancelled || !this._stream.locked) return;
    const chunk = this.#take(Infinity);
    if (chunk) this.#controller.enqueue(chunk);
    else this.#finish();
  }

  #notify(): void {
    this.#wake?.();
    this.#reader?.();
  }

  #take(max: number): Uint8Array<ArrayBuffer> | undefined {
    const chunk = this.#queue.shift();
    if (!chunk) return undefined;
    if (chunk.length > max) this.#queue.unshift(chunk.subarray(max));
    const taken = chunk.subarray(0, max);
    this.#taken += taken.length;
    return taken;
  }

  #consume(total: number): void {
    this._consumed = total;
    this.#taken = Math.max(this.#taken, total);
    const due = total - this.#acked;
    if (this.#ended || due <= 0) return;
    if (due >= ACK_EVERY) this.#ack();
    else this.#timer ??= setTimeout(() => this.#ack(), ACK_IDLE);
  }

  #ack(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this._consumed > this.#acked) this._link._send({ type: "ack", bytes: (this.#acked = this._consumed) });
  }

  #merge(): void {
    const merged = new Uint8Array(this._received - this.#taken);
    let at = 0;
    for (const chunk of this.#queue) {
      merged.set(chunk, at);
      at += chunk.length;
    }
    this.#queue = [merged];
  }

  /** Ends the stream once it is empty: an error would discard what is queued. */
  #finish(): void {
    if (this.#queue.length || this.#cancelled || this.#reader) return;
    try {
      if (!this.#failure) this.#controller.close();
      else if (this.#controller.desiredSize! >= 0) this.#controller.error(this.#failure);
    } catch {
      // Closed already.
    }
  }
}
