// Polls the bridge, one request at a time, and not while the page is hidden.

/** Pause between an answer and the next request, in milliseconds. */
const PAUSE = 2_000;

export class Poller {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #isWanted = false;
  #isStopped = true;

  /** `poll` never rejects. */
  constructor(private readonly poll: () => Promise<void>) {
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

  /** Polls at once, or as soon as the current poll has ended. */
  now(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) {
      return;
    }
    if (this.#isRunning) {
      this.#isWanted = true;
      return;
    }
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#isWanted = false;
    await this.poll();
    this.#isRunning = false;
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
