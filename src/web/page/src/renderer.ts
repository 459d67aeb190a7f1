// The renderer of one terminal: WebGL where that is chosen and works, else the DOM renderer of xterm.js. The addon is a
// chunk of its own. Only a visible terminal holds a WebGL context, because browsers give a page few of them.

import type { WebglAddon } from "@xterm/addon-webgl";
import type { Terminal } from "@xterm/xterm";
import type { Settings } from "./settings.js";

type Choice = Settings["renderer"];

/** Lost contexts after which the page uses the DOM until it is loaded again: more would only flicker. */
const MAX_LOSSES = 3;

let losses = 0;
let chunk: Promise<typeof import("@xterm/addon-webgl")> | undefined;
let available: boolean | undefined;

/** Returns true if there is WebGL 2; tries once. */
function hasWebgl(): boolean {
  if (available === undefined) {
    const gl = document.createElement("canvas").getContext("webgl2");
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    available = gl !== null;
  }
  return available;
}

/**
 * Returns true if the choice is WebGL. `auto` is the DOM: during bulk output it keeps the page as responsive, it has no
 * context to lose, and no atlas of glyphs to go wrong (figures: tests/browser/measure.mjs).
 */
function wantsWebgl(choice: Choice): boolean {
  return choice === "webgl" && losses < MAX_LOSSES && hasWebgl();
}

export class Renderer {
  #addon: WebglAddon | undefined;
  /** Number of the last call of `use`: an older one that still awaits the chunk does nothing. */
  #call = 0;

  /** `onChange` is called when another renderer draws: its cells may have another size. */
  constructor(private readonly term: Terminal, private readonly onChange: () => void) {}

  /**
   * Applies `choice`. To be awaited before the terminal is opened: one that is opened with the addon makes no DOM
   * renderer first.
   */
  async use(choice: Choice, visible: boolean): Promise<void> {
    this.#call += 1;
    const call = this.#call;
    if (!visible || !wantsWebgl(choice)) {
      this.#drop();
      return;
    }
    if (this.#addon !== undefined) {
      return;
    }
    try {
      chunk ??= import("@xterm/addon-webgl");
      const { WebglAddon } = await chunk;
      if (call !== this.#call) {
        return;
      }
      const addon = new WebglAddon();
      this.#addon = addon;
      addon.onContextLoss(() => this.#lost(addon));
      this.term.loadAddon(addon);
      this.opened();
    } catch {
      // A chunk that does not load, or a context that is refused: the DOM renderer stays.
      chunk = undefined;
      this.#drop();
    }
  }

  /** Listens to the context of a terminal that is in the page now. */
  opened(): void {
    const addon = this.#addon;
    if (addon === undefined || this.term.element === undefined) {
      return;
    }
    if (this.#contexts().length === 0) {
      this.#drop();
      return;
    }
    for (const { canvas } of this.#contexts()) {
      // The addon itself would wait three seconds for the context to be restored, with a blank screen.
      canvas.addEventListener("webglcontextlost", (event) => {
        event.stopImmediatePropagation();
        this.#lost(addon);
      }, true);
    }
    this.onChange();
  }

  #lost(addon: WebglAddon): void {
    if (addon === this.#addon) {
      losses += 1;
      this.#drop();
    }
  }

  #drop(): void {
    const addon = this.#addon;
    if (addon === undefined) {
      return;
    }
    this.#addon = undefined;
    const contexts = this.#contexts();
    try {
      addon.dispose();
    } catch {
      // Disposing with a lost context may throw; the DOM renderer takes over all the same.
    }
    for (const gl of contexts) {
      // The addon does not release it.
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    }
    this.term.refresh(0, this.term.rows - 1);
    this.onChange();
  }

  #contexts(): (WebGL2RenderingContext & { canvas: EventTarget })[] {
    const canvases = [...(this.term.element?.querySelectorAll<HTMLCanvasElement>(".xterm-screen > canvas") ?? [])];
    return canvases
      .filter((canvas) => !canvas.classList.contains("xterm-link-layer"))
      .map((canvas) => canvas.getContext("webgl2"))
      .filter((gl) => gl !== null);
  }
}
