import { SshardError } from "./error.js";
import type { Link } from "./link.js";
import { safely } from "./options.js";

/** Largest message of input, in bytes: an abort takes effect within so much. */
const SLICE = 16 << 10;
/** Bytes that may be queued when another write is added. */
const MAX_WAITING = 16 << 20;

/** Options of one write. */
export interface WriteOptions {
  /** Withdraws what is not sent yet. */
  signal?: AbortSignal | undefined;
  /** Bytes that follow the data, also when the rest of it was withdrawn; not if none was sent. */
  tail?: Uint8Array<ArrayBuffer> | undefined;
  /** Progress as the SSH server takes the bytes: bytes passed on, of how many. */
  onProgress?: ((passed: number, total: number) => void) | undefined;
}

interface Entry {
  _data: Uint8Array<ArrayBuffer>;
  _options: WriteOptions;
  /** Bytes of the data sent, of how many. */
  _at: number;
  _end: number;
  /** Position of the first byte among all input, once it is sent. */
  _start: number;
  _eof: boolean;
  _finish(error?: SshardError): void;
}

/** Queue of input, for the flow-control window. At most `window` bytes are unacknowledged at any time. */
export class Input {
  /** Bytes sent, and bytes that the bridge acknowledged. */
  _sent = 0;
  _acked = 0;

  #queue: Entry[] = [];
  #waiting = 0;
  #closed: SshardError | undefined;
  #eof = false;

  constructor(
    readonly _link: Link,
    readonly _window: number,
    readonly _maxMessage: number,
  ) {}

  /** Queues bytes. The promise resolves when all are sent within the window. */
  _write(data: Uint8Array<ArrayBuffer>, options: WriteOptions, eof = false): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      const { signal } = options;
      const code =
        data?.BYTES_PER_ELEMENT !== 1 ? "bad-option"
        : this.#eof ? "ended"
        : signal?.aborted ? "aborted"
        : this.#waiting > MAX_WAITING ? "input-overflow"
        : undefined;
      const refusal = this.#closed ?? (code && new SshardError(code, "relay", { cause: signal?.reason }));
      if (refusal) return reject(refusal);
      this.#eof = eof;
      const entry: Entry = {
        _data: data,
        _options: options,
        _at: 0,
        _end: data.length,
        _start: 0,
        _eof: eof,
        _finish(error) {
          signal?.removeEventListener("abort", abort);
          error ? reject(error) : resolve();
        },
      };
      const abort = () => this.#abort(entry);
      signal?.addEventListener("abort", abort);
      // An entry costs memory even without bytes.
      this.#waiting += data.length + 64;
      this.#queue.push(entry);
      this.#pump();
      // The caller may use its buffer again.
      if (entry._at < entry._end) entry._data = new Uint8Array(entry._data);
    });
    // A write need not be awaited: the end of the session is reported elsewhere.
    promise.catch(() => {});
    return promise;
  }

  /** Handles an `input_ack`; false if it exceeds what was sent. */
  _ack(total: number): boolean {
    if (total > this._sent) return false;
    if (total > this._acked) {
      this._acked = total;
      const head = this.#queue[0];
      if (head?._at && total > head._start) report(head, Math.min(total - head._start, head._end));
      this.#pump();
    }
    return true;
  }

  /** Rejects what is queued, and what is written later. */
  _stop(refusal: SshardError): void {
    this.#closed ??= refusal;
    for (const entry of this.#queue.splice(0)) entry._finish(refusal);
    this.#waiting = 0;
  }

  #pump(): void {
    for (let entry; (entry = this.#queue[0]); ) {
      if (entry._at < entry._end) {
        const room = this._window - (this._sent - this._acked);
        const size = Math.min(room, SLICE, this._maxMessage, entry._end - entry._at);
        if (size <= 0) return;
        if (!entry._at) entry._start = this._sent;
        const slice = entry._data.subarray(entry._at, (entry._at += size));
        this._sent += size;
        this.#waiting -= size;
        // May fail, and call `_stop`.
        this._link._send(slice);
      } else if (entry._options.tail && entry._at) {
        report(entry, entry._end);
        entry._data = entry._options.tail;
        entry._options = {};
        entry._at = 0;
        this.#waiting += entry._end = entry._data.length;
      } else {
        this.#queue.shift();
        this.#waiting -= 64;
        if (entry._eof) this._link._send({ type: "eof" });
        report(entry, entry._end);
        entry._finish();
      }
    }
  }

  #abort(entry: Entry): void {
    const { _data: data, _at: at, _options: options } = entry;
    // The tail is not withdrawn.
    if (!options.signal) return;
    let end = at;
    // A character that was begun is completed, so that the tail is decoded correctly.
    if (at && options.tail) while (end < entry._end && (data[end]! & 0xc0) === 0x80) end++;
    this.#waiting -= entry._end - end;
    entry._end = end;
    entry._options = { tail: options.tail };
    if (!at) {
      this.#queue.splice(this.#queue.indexOf(entry), 1);
      this.#waiting -= 64;
    }
    entry._finish(new SshardError("aborted", "relay", { cause: options.signal.reason }));
    this.#pump();
  }
}

/** Reports the progress of a write. */
function report({ _options: { onProgress }, _end }: Entry, passed: number): void {
  if (onProgress) safely(() => onProgress(passed, _end));
}
