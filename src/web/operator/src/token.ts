// The form for the token. It goes from the field into memory, and the field is cleared.

import { el, newId } from "../../page/src/dom.js";

export class TokenForm {
  readonly #reason = el("p", { class: "reason", role: "alert" });
  readonly #input: HTMLInputElement;
  readonly element: HTMLElement;

  constructor(submit: (token: string) => void) {
    const id = newId("token");
    const hint = newId("hint");
    this.#input = el("input", {
      id, type: "password", autocomplete: "off", spellcheck: "false", autocapitalize: "off", required: true,
      maxlength: 512, "aria-describedby": hint,
    });
    const form = el("form", { class: "card token" },
      el("h1", {}, "sshard operator"),
      this.#reason,
      el("label", { for: id }, "Token"),
      this.#input,
      el("p", { class: "hint", id: hint },
        "It stays in this page's memory until the page is closed or reloaded, and goes to this bridge alone."),
      el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, "Show the bridge")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#input.value.trim();
      this.#input.value = "";
      if (/^[\x21-\x7e]+$/.test(token)) {
        submit(token);
      } else {
        this.show("A token has visible ASCII characters alone, without blanks.", true);
      }
    });
    this.element = el("main", { class: "gate" }, form);
  }

  /** Says why the form is there. */
  show(reason: string, isBad: boolean): void {
    this.#reason.classList.toggle("problem", isBad);
    // The same reason again is told again.
    this.#reason.textContent = reason;
    this.#input.focus();
  }
}
