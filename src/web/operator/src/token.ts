// The form for the token, which is kept in memory only: the field is cleared.

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
        "It is kept in this page's memory until the page is closed or reloaded, and is sent to this bridge only."),
      el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, "Show the bridge")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#input.value.trim();
      this.#input.value = "";
      if (/^[\x21-\x7e]+$/.test(token)) {
        submit(token);
      } else {
        this.show("A token consists of visible ASCII characters, without spaces.", true);
      }
    });
    this.element = el("main", { class: "centered" }, form);
  }

  /** Shows why the form is needed. */
  show(reason: string, isBad: boolean): void {
    this.#reason.classList.toggle("problem", isBad);
    // Set also if it is the same, so that screen readers announce it again.
    this.#reason.textContent = reason;
    this.#input.focus();
  }
}
