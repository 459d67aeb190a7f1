// The settings dialog. Changes are in force at once.

import { el, newId } from "./dom.js";
import { FONT_SIZES, SCROLLBACK_MAX, type Settings, type SettingsStore } from "./settings.js";

type Key = keyof Settings;

type Row =
  | { key: Key; label: string; options: readonly (readonly [string, string])[]; hint?: () => string }
  | { key: Key; label: string; range: readonly [number, number]; hint?: (settings: Settings) => string }
  | { key: Key; label: string; placeholder: string }
  | { key: Key; label: string; hint?: (settings: Settings) => string };

const GROUPS: readonly (readonly [string, readonly Row[]])[] = [
  ["Look", [
    { key: "theme", label: "Theme", options: [["system", "As the system"], ["dark", "Dark"], ["light", "Light"],
      ["contrast-dark", "High contrast, dark"], ["contrast-light", "High contrast, light"], ["solarized", "Solarized"]] },
    { key: "font", label: "Font", placeholder: "The system's monospace font" },
    { key: "fontSize", label: "Font size", range: FONT_SIZES },
    { key: "cursor", label: "Cursor", options: [["block", "Block"], ["bar", "Bar"], ["underline", "Underline"]] },
    { key: "cursorBlink", label: "Cursor blinks" },
  ]],
  ["Terminal", [
    { key: "scrollback", label: "Scrollback, in lines", range: [0, SCROLLBACK_MAX],
      hint: ({ scrollback }) => `Up to ${Math.ceil((scrollback * 200 * 12) / 1e6)} MB of memory in each tab, at 200 columns.` },
    { key: "renderer", label: "Renderer", options: [["auto", "Automatic"], ["webgl", "WebGL"], ["dom", "DOM"]],
      hint: () => "Automatic is DOM: it draws everywhere, and as smoothly. WebGL can be faster with a graphics card." },
    { key: "graphemes", label: "Measure emoji by grapheme",
      hint: () => "Families and flags take the width they show; some programs on the server then put the cursor elsewhere." },
  ]],
  ["Keyboard", [
    { key: "copyWithCtrlC", label: "Ctrl+C copies a selection" },
    { key: "backspace", label: "Backspace sends", options: [["del", "DEL (usual)"], ["bs", "Ctrl+H (old equipment)"]] },
    { key: "optionIsMeta", label: "Option is Meta (macOS)" },
  ]],
  ["Accessibility", [
    { key: "screenReader", label: "Screen reader",
      hint: () => "Output is read aloud; this costs speed. Ctrl+Shift+F6 leaves the terminal by keyboard." },
  ]],
];

/** Shows the dialog. */
export function showSettings(store: SettingsStore): void {
  const body = el("div", { class: "settings" });
  const fill = () => body.replaceChildren(...GROUPS.map(([name, rows]) =>
    el("fieldset", {}, el("legend", {}, name), ...rows.flatMap((row) => rowOf(row, store)))));
  fill();
  const title = newId("dialog");
  const dialog = el("dialog", { class: "preferences", "aria-labelledby": title },
    el("h2", { id: title }, "Settings"),
    el("p", { class: "hint" }, "In force at once, and kept in this browser."),
    body,
    el("form", { method: "dialog", class: "actions" },
      el("button", { class: "primary" }, "Done"),
      el("button", { type: "button", onclick: () => { store.reset(); fill(); } }, "Reset all")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function rowOf(row: Row, store: SettingsStore): Node[] {
  const id = newId("setting");
  const current = store.current;
  const set = (value: string | number | boolean) => store.set({ [row.key]: value } as Partial<Settings>);
  const hintOf = "hint" in row ? row.hint : undefined;
  const hint = hintOf === undefined ? undefined : el("p", { class: "hint", id: `${id}-hint` }, hintOf(current));
  const described = hint === undefined ? {} : { "aria-describedby": hint.id };
  let control: HTMLElement;
  if ("options" in row) {
    const select = el("select", { id, ...described, onchange: () => set(select.value) },
      ...row.options.map(([value, text]) => el("option", { value, selected: current[row.key] === value }, text)));
    control = select;
  } else if ("range" in row) {
    const [min, max] = row.range;
    const input = el("input", { id, ...described, type: "number", min, max, value: Number(current[row.key]), onchange: () => {
      set(input.valueAsNumber);
      // What was out of bounds is shown as what it became.
      input.value = String(store.current[row.key]);
      hint?.replaceChildren(hintOf?.(store.current) ?? "");
    } });
    control = input;
  } else if ("placeholder" in row) {
    const input = el("input", { id, ...described, value: String(current[row.key]), placeholder: row.placeholder,
      spellcheck: "false", autocomplete: "off", onchange: () => { set(input.value); input.value = String(store.current[row.key]); } });
    control = input;
  } else {
    const check = el("input", { id, ...described, type: "checkbox", onchange: () => set(check.checked) });
    check.checked = current[row.key] === true;
    control = check;
  }
  return [el("label", { for: id }, row.label), control, ...(hint === undefined ? [] : [hint])];
}
