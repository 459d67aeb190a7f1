// Asks again and again, one question at a time, and not while nobody looks.

/** Pause between an answer and the next question, in milliseconds. */
const PAUSE = 2_000;

export class Poller {
  readonly #ask: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;
  #isWanted = false;
  #isStopped = true;

  /** `ask` never rejects. */
  constructor(ask: () => Promise<void>) {
    this.#ask = ask;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        clearTimeout(this.#timer);
      } else {
        this.now();
      }
    });
  }

  start(): void {
    this.#isStopped = false;
    this.now();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Asks at once, or as soon as the question under way is answered. */
  now(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) {
      return;
    }
    if (this.#isAsking) {
      this.#isWanted = true;
      return;
    }
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#isAsking = true;
    this.#isWanted = false;
    await this.#ask();
    this.#isAsking = false;
    if (this.#isStopped) {
      return;
    }
    if (this.#isWanted) {
      void this.#run();
    } else if (!document.hidden) {
      this.#timer = setTimeout(() => this.now(), PAUSE);
    }
  }
}
