// Modal questions on the native dialog element: focus moves in, Escape cancels, focus returns.

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
  /** Time after the dialog's appearance in which no click counts, in milliseconds: it was meant for something else. */
  readonly clickDelay?: number;
  /** Lets the keyboard give no answer but `cancel`: the page around a frame could have a key land here. */
  readonly pointerOnly?: boolean;
  /** Called with the buttons of the choices before the dialog is shown. */
  readonly prepare?: (buttons: readonly HTMLButtonElement[]) => void;
}

/** Asks, and returns the value of the choice. */
export function ask<T>(question: Question<T>): Promise<T> {
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
      if (Math.min(pressedAt, performance.now()) - shownAt < (question.clickDelay ?? 0)) {
        event.preventDefault();
        return;
      }
      answer = value;
    });
  });
  const before = document.activeElement;
  const abort = () => dialog.close();
  question.prepare?.(buttons);
  if (question.signal?.aborted === true) {
    queueMicrotask(abort);
  }
  question.signal?.addEventListener("abort", abort);
  return new Promise((resolve) => openDialog(dialog, () => {
    question.signal?.removeEventListener("abort", abort);
    if (before instanceof HTMLElement && before.isConnected) {
      before.focus();
    }
    resolve(answer);
  }));
}

/** Asks for a yes or no; Escape is no. The safe answer to a dangerous question comes first, and has the focus. */
export function askYesNo(
  title: string, body: readonly (Node | string)[], yes: string, no: string, kind: "primary" | "danger" = "primary",
): Promise<boolean> {
  const choices: Choice<boolean>[] = [{ label: yes, value: true, kind }, { label: no, value: false }];
  return ask({ title, body, choices: kind === "danger" ? choices.reverse() : choices, cancel: false });
}

/** Shows a modal dialog, and removes it when it is closed. */
export function openDialog(dialog: HTMLDialogElement, onClose?: () => void): void {
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
}
