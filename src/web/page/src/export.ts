// The text of a terminal: to select, to copy, to save. On phones, where the terminal itself cannot be selected in, it is
// the way to copy.

import { copyText } from "./copying.js";
import { el, newId } from "./dom.js";

/** Shows `text`; a file of it is called after `name`. */
export function showText(text: string, name: string): void {
  const title = newId("dialog");
  const remark = el("span", { class: "hint", role: "status" });
  const area = el("textarea", { class: "export", readonly: true, rows: 14, "aria-labelledby": title, wrap: "off" });
  area.value = text;
  const dialog = el("dialog", { class: "wide", "aria-labelledby": title },
    el("h2", { id: title }, "Text of the terminal"), area,
    el("form", { method: "dialog", class: "actions" },
      el("button", { type: "button", class: "primary", onclick: () => {
        void copyText(text).then((copied) => {
          remark.textContent = copied ? "Copied." : "The browser did not allow the copy: select the text and copy it.";
        });
      } }, "Copy all"),
      el("button", { type: "button", onclick: () => save(text, name) }, "Save as file"),
      el("button", {}, "Close"), remark));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  area.focus();
  area.scrollTop = area.scrollHeight;
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const day = new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-");
  el("a", { href: url, download: `${name.replace(/[^\w.-]+/g, "_")}-${day}.txt` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
