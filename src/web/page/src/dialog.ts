// Modal questions on the native dialog element: focus goes in, Escape cancels, focus comes back.

import { el, newId } from "./dom.js";

export interface Choice<T> {
  readonly label: string;
  readonly value: T;
  readonly kind?: "primary" | "danger";
}

export interface Question<T> {
  readonly title: string;
  readonly body: readonly (Node | string)[];
  readonly choices: readonly Choice<T>[];
  /** Answer of Escape and of the end of the session. */
  readonly cancel: T;
  /** Ends the question with `cancel`. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the answers wait this long, in milliseconds, so that a click meant for something else is none. */
  readonly settle?: number;
  /** Lets the keyboard give no answer but `cancel`: the page around a frame could have a key land here. */
  readonly pointerOnly?: boolean;
  /** Called with the dialog before it is shown: to watch inputs, to enable choices. */
  readonly prepare?: (dialog: HTMLDialogElement, buttons: readonly HTMLButtonElement[]) => void;
}

/** Asks, and returns the value of the choice. */
export function ask<T>(question: Question<T>): Promise<T> {
  const { promise, resolve } = deferred<T>();
  const titleId = newId("dialog");
  const buttons = question.choices.map((choice) =>
    el("button", { type: "submit", class: choice.kind ?? "", value: choice.label }, choice.label),
  );
  const form = el("form", { method: "dialog" },
    el("h2", { id: titleId }, question.title),
    ...question.body,
    el("div", { class: "actions" }, ...buttons));
  const dialog = el("dialog", { "aria-labelledby": titleId }, form);
  const shownAt = performance.now();
  let answer = question.cancel;
  buttons.forEach((button, index) => {
    const value = question.choices[index]?.value ?? question.cancel;
    // A pointer counts from when it was pressed; the keyboard presses none.
    let pressedAt = question.pointerOnly === true && value !== question.cancel ? -Infinity : Infinity;
    button.addEventListener("pointerdown", (event) => {
      pressedAt = event.isTrusted ? performance.now() : pressedAt;
    });
    button.addEventListener("click", (event) => {
      if (Math.min(pressedAt, performance.now()) - shownAt < (question.settle ?? 0)) {
        event.preventDefault();
        return;
      }
      answer = value;
    });
  });
  const before = document.activeElement;
  const abort = () => dialog.close();
  dialog.addEventListener("close", () => {
    question.signal?.removeEventListener("abort", abort);
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) {
      before.focus();
    }
    resolve(answer);
  });
  document.body.append(dialog);
  question.prepare?.(dialog, buttons);
  if (question.signal?.aborted === true) {
    queueMicrotask(abort);
  }
  question.signal?.addEventListener("abort", abort);
  dialog.showModal();
  return promise;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((r) => { resolve = r; });
  return { promise, resolve };
}
