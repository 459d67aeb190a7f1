import { host } from "./options.js";

/** Delay of a timer from which the page or machine must have been asleep, in ms. */
const SLEEP_DELAY = 3000;

/** Round trips, in ms. */
export interface Latency {
  /** Client to bridge and back. */
  rttMs: number;
  /** Bridge to SSH server and back; absent until the bridge has measured it. */
  sshMs?: number;
}

const now = () => performance.now();

/**
 * Detects a dead socket, which browsers do not for minutes: the peer is silent if nothing at all was
 * received since a ping of `timeout` ago. Timers may be delayed by any amount (hidden tab, suspended
 * machine); after a long delay another ping is sent first.
 */
export class Liveness {
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Time of the first ping since the last byte; -Infinity if there was none. */
  #waitingSince = -Infinity;
  #retried = false;
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
    this.#schedule(_interval);
  }

  _stop(): void {
    clearTimeout(this.#timer);
    this.#listen("removeEventListener");
  }

  /** Pings once the bridge has had time to measure its own round trip, so that both are known early. */
  _pingSoon(): void {
    this.#schedule(this._interval / 16);
  }

  /** Records that a message was received. */
  _received(): void {
    if (this.#waitingSince < 0) return;
    this.#waitingSince = -Infinity;
    this.#retried = false;
    this.#schedule(this._interval);
    if (this.#silent) this._onSilent((this.#silent = false));
  }

  /** Round trip of the last ping; undefined if the pong is not its answer. */
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
    if (host.document?.visibilityState !== "hidden") this.#sendPing();
  };

  readonly #tick = () => {
    if (this.#waitingSince < 0 || this.#silent) return this.#sendPing();
    if (now() - this.#waitingSince > this._timeout + SLEEP_DELAY && !this.#retried) {
      this.#retried = true;
      return this.#sendPing();
    }
    this.#schedule(this._interval);
    this._onSilent((this.#silent = true));
  };

  #sendPing(): void {
    const time = (this.#pingedAt = now());
    // A ping without an answer keeps its time, however often a tab is shown; not one from before a sleep.
    if (time - this.#waitingSince > this._timeout) this.#waitingSince = time;
    this.#schedule(this.#silent ? this._interval : this.#waitingSince + this._timeout - time);
    this._ping(`${++this.#id}`);
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, delay);
  }
}
