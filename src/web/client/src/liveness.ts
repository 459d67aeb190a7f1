import { host } from "./options.js";

/** Lateness of a timer that says the page or machine was asleep, in ms. */
const ASLEEP = 3000;

/** Round trips, in ms. */
export interface Latency {
  /** Client to bridge and back. */
  rttMs: number;
  /** Bridge to SSH server and back; absent if the bridge does not tell. */
  sshMs?: number;
}

const now = () => performance.now();

/**
 * Notices a dead socket, which browsers do not for minutes. Judges by the time since the last byte:
 * the peer is silent if nothing at all has come since a ping of `timeout` ago. Timers may be late
 * by any amount (hidden tab, suspended machine); a late one asks again before it judges.
 */
export class Liveness {
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Time of the first ping since the last byte; 0 if there was none. */
  #asked = 0;
  #due = 0;
  #askedAgain = false;
  #silent = false;
  #id = 0;
  #pingedAt = 0;

  constructor(
    readonly _interval: number,
    readonly _timeout: number,
    /** Sends a ping. */
    readonly _ping: (data: string) => void,
    /** Called when silence begins, and when it ends. */
    readonly _onSilent: (silent: boolean) => void,
  ) {
    this.#listen("addEventListener");
    this.#arm(_interval);
  }

  _stop(): void {
    clearTimeout(this.#timer);
    this.#listen("removeEventListener");
  }

  /** Pings once the bridge has had time to measure its own way, so that both can be shown early. */
  _soon(): void {
    this.#arm(this._interval / 16);
  }

  /** Takes note of a message. */
  _heard(): void {
    if (!this.#asked) return;
    this.#asked = 0;
    this.#askedAgain = false;
    this.#arm(this._interval);
    if (this.#silent) this._onSilent((this.#silent = false));
  }

  /** Round trip of the ping that is answered; undefined for any other. */
  _pong(data: unknown): number | undefined {
    if (data !== `${this.#id}`) return undefined;
    this.#id++;
    return now() - this.#pingedAt;
  }

  #listen(how: "addEventListener" | "removeEventListener"): void {
    host[how]?.("online", this.#wake);
    host[how]?.("pageshow", this.#wake);
    host.document?.[how]("visibilitychange", this.#wake);
  }

  readonly #wake = () => {
    if (host.document?.visibilityState !== "hidden") this.#ask();
  };

  readonly #tick = () => {
    if (!this.#asked || this.#silent) return this.#ask();
    if (now() > this.#due + ASLEEP && !this.#askedAgain) {
      this.#askedAgain = true;
      this.#asked = 0;
      return this.#ask();
    }
    this.#arm(this._interval);
    this._onSilent((this.#silent = true));
  };

  #ask(): void {
    const time = (this.#pingedAt = now());
    // A ping that waits keeps its time, however often a tab is shown; one from before a sleep does not.
    if (time - this.#asked > this._timeout) this.#asked = time;
    this.#arm(this.#silent ? this._interval : this.#asked + this._timeout - time);
    this._ping(`${++this.#id}`);
  }

  #arm(delay: number): void {
    clearTimeout(this.#timer);
    this.#due = now() + delay;
    this.#timer = setTimeout(this.#tick, delay);
  }
}
