// The settings dialog. Changes are in force at once.

import { el, newId } from "./dom.js";
import { SCROLLBACK_MAX, type Settings, type SettingsStore } from "./settings.js";

type Key = keyof Settings;

const SELECTS: readonly (readonly [Key, string, readonly (readonly [string, string])[]])[] = [
  ["theme", "Theme", [["system", "As the system"], ["dark", "Dark"], ["light", "Light"],
    ["contrast-dark", "High contrast, dark"], ["contrast-light", "High contrast, light"], ["solarized", "Solarized"]]],
  ["cursor", "Cursor", [["block", "Block"], ["bar", "Bar"], ["underline", "Underline"]]],
  ["backspace", "Backspace sends", [["del", "DEL (usual)"], ["bs", "Ctrl+H (old equipment)"]]],
];
const NUMBERS: readonly (readonly [Key, string, number, number])[] = [
  ["fontSize", "Font size", 8, 40], ["scrollback", "Scrollback, in lines", 0, SCROLLBACK_MAX],
];
const CHECKS: readonly (readonly [Key, string])[] = [
  ["cursorBlink", "Cursor blinks"], ["copyWithCtrlC", "Ctrl+C copies a selection"],
  ["optionIsMeta", "Option is Meta (macOS)"], ["graphemes", "Emoji by graphemes"], ["screenReader", "Screen reader"],
];

/** Shows the dialog. */
export function showSettings(store: SettingsStore): void {
  const set = (key: Key, value: string | number | boolean) => store.set({ [key]: value } as Partial<Settings>);
  const grid = el("div", { class: "settings" });
  const fill = () => {
    const current = store.current;
    const rows: Node[] = [];
    const add = (label: string, control: HTMLInputElement | HTMLSelectElement) => {
      control.id = newId("setting");
      rows.push(el("label", { for: control.id }, label), control);
    };
    for (const [key, label, options] of SELECTS) {
      const select = el("select", { onchange: () => set(key, select.value) },
        ...options.map(([value, text]) => el("option", { value, selected: current[key] === value }, text)));
      add(label, select);
    }
    const font = el("input", { value: current.font, placeholder: "the system's monospace font", onchange: () => set("font", font.value) });
    add("Font", font);
    for (const [key, label, min, max] of NUMBERS) {
      const input = el("input", { type: "number", min, max, value: Number(current[key]), onchange: () => set(key, input.valueAsNumber) });
      add(label, input);
    }
    for (const [key, label] of CHECKS) {
      const check = el("input", { type: "checkbox", onchange: () => set(key, check.checked) });
      check.checked = current[key] === true;
      add(label, check);
    }
    const memory = Math.ceil((current.scrollback * 200 * 12) / 1e6);
    rows.push(el("p", { class: "hint" },
      `A tab keeps up to ${memory} MB of scrollback at 200 columns. Screen reader: output is read aloud; `
      + "Ctrl+Shift+F6 leaves the terminal by keyboard."));
    grid.replaceChildren(...rows);
  };
  fill();
  const title = newId("dialog");
  const dialog = el("dialog", { "aria-labelledby": title },
    el("h2", { id: title }, "Settings"), grid,
    el("form", { method: "dialog", class: "actions" },
      el("button", { class: "primary" }, "Done"),
      el("button", { type: "button", onclick: () => { store.reset(); fill(); } }, "Reset all")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
