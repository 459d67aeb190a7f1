// The dialog with the text of a terminal, to select, copy and save it. On phones the terminal itself has no selection.

import { copyText } from "./clipboard.js";
import { openDialog } from "./dialog.js";
import { el, newId } from "./dom.js";

/** Shows `text`, which is saved to a file named after `name`. */
export function showText(text: string, name: string): void {
  const title = newId("dialog");
  const message = el("span", { class: "hint", role: "status" });
  const area = el("textarea", { class: "export", readonly: true, rows: 14, "aria-labelledby": title, wrap: "off" });
  area.value = text;
  const dialog = el("dialog", { class: "wide", "aria-labelledby": title },
    el("h2", { id: title }, "Text of the terminal"), area,
    el("form", { method: "dialog", class: "actions" },
      el("button", { type: "button", class: "primary", onclick: () => {
        void copyText(text).then((copied) => {
          message.textContent = copied ? "Copied." : "The browser did not allow the copy: select the text and copy it.";
        });
      } }, "Copy all"),
      el("button", { type: "button", onclick: () => save(text, name) }, "Save as file"),
      el("button", {}, "Close"), message));
  openDialog(dialog);
  area.focus();
  area.scrollTop = area.scrollHeight;
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const day = new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-");
  el("a", { href: url, download: `${name.replace(/[^\w.-]+/g, "_")}-${day}.txt` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
