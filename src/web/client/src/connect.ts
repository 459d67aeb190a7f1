import type { SshardError, Stage } from "./error.js";
import { Link, type LinkEvent, type LinkOwner, type Message } from "./link.js";
import { badOption, cells, within, type Asked, type ConnectOptions, type HostKey, type Question } from "./options.js";
import { isCount, noticeOf, replaceNotice, Session, type Start } from "./session.js";

/** Deadline of later steps of the bridge, as a multiple of that of the first. */
const LATER_STEPS = 4;

/** Opens a session. Resolves when the shell or command has started; rejects with a
 * {@link SshardError}. */
export function connect(options: ConnectOptions): Promise<Session> {
  return new Promise((resolve, reject) => new Handshake(options, resolve, reject));
}

/** Session before `ready`. Hands its link over to the {@link Session}. */
class Handshake implements LinkOwner {
  readonly #link: Link;
  readonly #options: Pick<ConnectOptions, "onPrompt" | "onHostKey" | "onBanner" | "onStage">;
  readonly #timeout: number;
  readonly #start: Omit<Start, "_id" | "_inputWindow">;
  /** Dropped once it is sent, and the secrets with it. */
  #auth: object | undefined;
  /** Question without an answer yet. */
  #question: AbortController | undefined;

  constructor(
    options: ConnectOptions,
    readonly _resolve: (session: Session) => void,
    readonly _reject: (error: SshardError) => void,
  ) {
    const { user: username, privateKey: private_key, password, passphrase, certificate, ticket, term, env, command } = options;
    const { onPrompt, onHostKey, onBanner, onStage } = options;
    const size = { cols: cells(options.cols, 80), rows: cells(options.rows, 24) };
    const flow_window = within(options.flowWindow, 64 << 10, 4 << 20, 384 << 10);
    this.#options = { onPrompt, onHostKey, onBanner, onStage };
    this.#start = { _size: size, _flowWindow: flow_window, _maxMessage: 0 };
    this.#timeout = within(options.timeout, 1, 3_600_000, 30_000);
    if (!username) throw badOption("user is missing");
    this.#auth = {
      type: "auth",
      username,
      password,
      private_key,
      passphrase,
      certificate,
      ticket,
      term,
      env,
      command,
      ...size,
      flow_window,
      progress: onStage && true,
    };
    this.#link = new Link(options, this);
    this.#link._deadline(this.#timeout);
    this.#callBack("onStage", "upgrade");
  }

  _event(type: LinkEvent): void {
    if (type === "silent") this.#link._fail("no-answer");
  }

  _bytes(): boolean {
    return false;
  }

  _ended(error: SshardError): void {
    this.#auth = undefined;
    this.#question?.abort(error);
    this._reject(error);
  }

  _text(message: Message): boolean {
    const { type } = message;
    if (type === "notice") return this.#notice(message);
    if (this.#auth) return type === "hello" && this.#hello(message, this.#auth);
    if (type === "host_key") return this.#hostKey(message);
    if (type === "prompt") return this.#prompt(message);
    if (type === "ready") return this.#ready(message);
    if (type !== "banner") return false;
    this.#enter("login");
    this.#callBack("onBanner", `${message["text"]}`);
    return true;
  }

  #notice(message: Message): boolean {
    const { kind, stage } = message;
    // A newer bridge may send other stages.
    if (kind === "stage") this.#enter(`${stage}` as Stage);
    else this.#start._notice = replaceNotice(this.#start._notice, noticeOf(message));
    return true;
  }

  #hello({ version, max_message_bytes: most }: Message, auth: object): boolean {
    if (version !== 1 || !isCount(most) || !most) return false;
    this.#start._maxMessage = most;
    this.#enter("auth");
    // Does nothing if the callback has ended the attempt.
    this.#link._send(auth);
    this.#auth = undefined;
    return true;
  }

  #hostKey({ id, algorithm, fingerprint, known }: Message): boolean {
    if (typeof algorithm !== "string" || typeof fingerprint !== "string") return false;
    const key: HostKey = { algorithm, fingerprint };
    if (known === "new" || known === "changed") key.known = known;
    return this.#ask("host_key", id, async (asked) => ({
      type: "host_key_answer",
      id,
      accept: (await this.#options.onHostKey?.(key, asked)) === true,
    }));
  }

  #prompt({ id, name, instruction, prompts }: Message): boolean {
    if (!Array.isArray(prompts) || !prompts.every(isQuestion)) return false;
    const { onPrompt } = this.#options;
    if (!onPrompt && prompts.length) {
      this.#link._fail("no-prompt-handler");
      return true;
    }
    return this.#ask("login", id, async (asked) => {
      const answers = await onPrompt?.({ name: `${name ?? ""}`, instruction: `${instruction ?? ""}`, prompts }, asked) ?? [];
      if (answers.length !== prompts.length || !answers.every((answer) => typeof answer === "string"))
        throw badOption("onPrompt must give a string each");
      return { type: "answer", id, answers };
    });
  }

  /** Asks the program one question and sends its answer, unless it is too late. */
  #ask(stage: Stage, id: unknown, answer: (asked: Asked) => Promise<object>): boolean {
    if (!isCount(id)) return false;
    // A newer question replaces one without an answer.
    this.#question?.abort();
    const { signal } = (this.#question = new AbortController());
    this.#enter(stage);
    // The bridge limits the time of the user.
    this.#link._deadline();
    answer({ signal }).then(
      (message) => {
        if (signal.aborted) return;
        this.#question = undefined;
        this.#link._send(message);
        this.#enter("login", true);
      },
      (cause) => signal.aborted || this.#link._fail("callback-failed", { cause }),
    );
    return true;
  }

  #ready({ session, input_window: inputWindow }: Message): boolean {
    if (typeof session !== "string" || session.length > 64 || !isCount(inputWindow) || !inputWindow) return false;
    this.#question?.abort();
    this.#enter("relay");
    this.#link._deadline();
    this.#link._liveness._pingSoon();
    this._resolve(new Session(this.#link, { ...this.#start, _id: session, _inputWindow: inputWindow }));
    return true;
  }

  /** Begins a stage, and its deadline. */
  #enter(stage: Stage, again = false): void {
    const { _stage: last } = this.#link;
    this.#link._stage = stage;
    if (again || last !== stage) this.#link._deadline(this.#timeout * LATER_STEPS);
    if (last !== stage) this.#callBack("onStage", stage);
  }

  #callBack(callback: "onBanner" | "onStage", what: string): void {
    try {
      this.#options[callback]?.(what as Stage);
    } catch (cause) {
      this.#link._fail("callback-failed", { cause });
    }
  }
}

function isQuestion(value: unknown): value is Question {
  const { text, echo } = (value ?? {}) as Partial<Question>;
  return typeof text === "string" && typeof echo === "boolean";
}
