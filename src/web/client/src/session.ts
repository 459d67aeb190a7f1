import { SshardError } from "./error.js";
import { Input, type WriteOptions } from "./input.js";
import type { Latency } from "./liveness.js";
import type { Link, Message } from "./link.js";
import { badOption, cells } from "./options.js";
import { Output, type OutputReader } from "./output.js";

/** Signals a session can send (RFC 4254 section 6.10). Ctrl-C is not one: write "\x03". */
export type SignalName =
  | "ABRT" | "ALRM" | "FPE" | "HUP" | "ILL" | "INT" | "KILL" | "PIPE" | "QUIT" | "SEGV" | "TERM" | "USR1" | "USR2";

const SIGNALS = /^(ABRT|ALRM|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM|USR1|USR2)$/;

/** End of the remote process. Neither status nor signal if the SSH server sent neither. */
export interface Exit {
  status?: number;
  /** A {@link SignalName}, or "unknown". */
  signal?: string;
  coreDumped: boolean;
  /** Text of the SSH server: show it as plain text. */
  message: string;
}

/** State of a session. `no-answer` returns to `open` with the next byte. */
export type State = "open" | "no-answer" | "closing" | "closed";

/** Announcement of the bridge. */
export interface Notice {
  /** `drain`: the bridge shuts down, and the session ends at the deadline. `no-terminal`: the SSH
   * server allocated no terminal, and the shell or command runs without one. A newer bridge may send
   * others. */
  kind: string;
  /** Time in ms since 1970, by the local clock; 0 if there is none. */
  deadline: number;
}

/** Parses a `notice`, which may arrive at any time. */
export function noticeOf({ kind, deadline_ms: ms }: Message): Notice {
  return { kind: `${kind}`, deadline: isCount(ms) ? Date.now() + ms : 0 };
}

/** The notice to keep: one with a deadline is replaced only by another with one. */
export function replaceNotice(last: Notice | undefined, notice: Notice): Notice {
  return last?.deadline && !notice.deadline ? last : notice;
}

/** Bytes since `ready`, in both directions. */
export interface Progress {
  /** Input sent to the bridge. */
  sent: number;
  /** Input passed on to the SSH server. Lags behind by up to a quarter of the window. */
  acked: number;
  /** Output received. */
  received: number;
  /** Output consumed; what was received beyond it is queued. */
  consumed: number;
}

/** Details of a session's events, by type. */
export interface SessionEvents {
  state: State;
  notice: Notice;
  latency: Latency;
  /** Sent as input is passed on. */
  progress: Progress;
}

type Listener<K extends keyof SessionEvents> =
  | ((event: CustomEvent<SessionEvents[K]>) => void)
  | { handleEvent(event: CustomEvent<SessionEvents[K]>): void };

export interface Session {
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: Listener<K> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: Listener<K> | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** Values of `hello`, `auth` and `ready` that a session needs. */
export interface Start {
  _id: string;
  _inputWindow: number;
  _maxMessage: number;
  _flowWindow: number;
  _size: { cols: number; rows: number };
  _notice?: Notice | undefined;
}

/** A running shell or command. Made by `connect`. */
export class Session extends EventTarget {
  /** Session id: a name for the administrator, no secret. */
  readonly id: string;
  /** End of the remote process. Rejects with a {@link SshardError} if the session ended otherwise;
   * need not be awaited. */
  readonly exited: Promise<Exit>;
  /** Last notice, also one from before the shell started; a drain stays. */
  notice: Notice | undefined;

  readonly #link: Link;
  readonly #output: Output;
  readonly #input: Input;
  #state: State = "open";
  #size: { cols: number; rows: number; width_px: number; height_px: number };
  #exit!: (exit: Exit) => void;
  #fail!: (error: SshardError) => void;
  #resolveClosed!: () => void;
  readonly #closed: Promise<void>;

  /** @internal */
  constructor(link: Link, start: Start) {
    super();
    this.id = start._id;
    this.notice = start._notice;
    this.#link = link;
    this.#size = { ...start._size, width_px: 0, height_px: 0 };
    this.#output = new Output(link, start._flowWindow);
    this.#input = new Input(link, start._inputWindow, start._maxMessage);
    this.exited = new Promise((resolve, reject) => {
      this.#exit = resolve;
      this.#fail = reject;
    });
    this.exited.catch(() => {});
    this.#closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    link._owner = {
      _text: (message) => this.#text(message),
      _bytes: (bytes) => this.#output._push(bytes),
      _event: (type, detail) => {
        if (type === "latency") this.#emit(type, detail as Latency);
        else if (this.#state !== "closing") this.#setState(detail ? "no-answer" : "open");
      },
      _ended: (error) => {
        this.#stop(error, "closed", error);
        this.#resolveClosed();
      },
    };
  }

  /** Output of the remote process. Each read acknowledges what was read before; unread output stops the
   * remote process (backpressure). After a `cancel` output is discarded. */
  get output(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#output._stream;
  }
  get state(): State {
    return this.#state;
  }
  /** Bytes since `ready`, in both directions. */
  get progress(): Progress {
    const { _received: received, _consumed: consumed } = this.#output;
    return { sent: this.#input._sent, acked: this.#input._acked, received, consumed };
  }

  /** Sends input; text as UTF-8. Resolves when all of it is sent within the bridge's window, in the
   * order of the calls. Rejects with a {@link SshardError}; need not be awaited. */
  write(data: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : (data as Uint8Array<ArrayBuffer>);
    return this.#input._write(bytes, options);
  }

  /** Ends the input after what is written (half-close of stdin). */
  eof(): Promise<void> {
    return this.#input._write(new Uint8Array(), {}, true);
  }

  /** Locks `output`, and returns a reader whose caller acknowledges. `onAvailable` is called from the
   * message event when output arrives, and at the end. For terminals that consume with a delay. */
  read(onAvailable: () => void): OutputReader {
    return this.#output._read(onAvailable);
  }

  /** Sends the terminal's size: integers of 1 to 1000 cells, and pixels if known. A value that is no
   * number does not change, and an unchanged size is not sent. */
  resize(cols: number, rows: number, widthPx = 0, heightPx = 0): void {
    const { cols: c, rows: r } = this.#size;
    const size = {
      cols: cells(cols, c),
      rows: cells(rows, r),
      // 32 bits.
      width_px: widthPx >>> 0,
      height_px: heightPx >>> 0,
    };
    if (JSON.stringify(size) === JSON.stringify(this.#size)) return;
    this.#size = size;
    this.#send("resize", size);
  }

  /** Sends a signal to the remote process. Throws a {@link SshardError} for what is none. */
  signal(name: SignalName): void {
    if (!SIGNALS.test(name)) throw badOption("no name of a signal");
    this.#send("signal", { name });
  }

  /** Pauses the output at the bridge, in addition to the window. Ten minutes of it end the session. */
  hold(): void {
    this.#send("hold");
  }

  /** Resumes the output. */
  release(): void {
    this.#send("release");
  }

  /** Ends the session; queued input is rejected. Resolves when it is closed, in a few seconds at
   * most, and never rejects. */
  close(): Promise<void> {
    this.#link._close();
    this.#stop(new SshardError("client-closed", "relay"), "closing");
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(type: string, fields?: object): void {
    this.#link._send({ type, ...fields });
  }

  #text(message: Message): boolean {
    const { type, bytes, status, signal, core_dumped: coreDumped } = message;
    if (type === "input_ack") {
      if (!isCount(bytes) || !this.#input._ack(bytes)) return false;
      this.#emit("progress", this.progress);
    } else if (type === "notice") {
      const notice = noticeOf(message);
      this.notice = replaceNotice(this.notice, notice);
      this.#emit("notice", notice);
    } else if (type === "exit") {
      this.#exit({
        coreDumped: !!coreDumped,
        message: `${message["message"] ?? ""}`,
        ...(isCount(status) && { status }),
        ...(typeof signal === "string" && { signal }),
      });
      this.#link._endWith("ended");
      this.#stop(new SshardError("ended", "relay"), "closing");
    } else {
      return false;
    }
    return true;
  }

  /** Ends both directions, the output with an error if it is incomplete. Only the first call counts
   * for the error. */
  #stop(error: SshardError, state: State, failure?: SshardError): void {
    this.#input._stop(error);
    this.#output._end(failure);
    // After an exit this changes nothing.
    this.#fail(error);
    this.#setState(state);
  }

  #setState(state: State): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#emit("state", state);
  }

  #emit<K extends keyof SessionEvents>(type: K, detail: SessionEvents[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Returns true for a count of bytes or milliseconds. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
