// The settings dialog. Changes apply at once.

import { openDialog } from "./dialog.js";
import { el, newId } from "./dom.js";
import { FONT_SIZES, SCROLLBACK_MAX, type Settings, type SettingsStore } from "./settings.js";

interface Row {
  readonly key: keyof Settings;
  readonly label: string;
  /** Values and texts of a select element. */
  readonly options?: readonly (readonly [string, string])[];
  /** Attributes of an input element. Without them and without options it is a checkbox. */
  readonly input?: Readonly<Record<string, string | number>>;
  readonly hint?: (settings: Settings) => string;
}

const GROUPS: readonly (readonly [string, readonly Row[]])[] = [
  ["Look", [
    { key: "theme", label: "Theme", options: [["system", "As the system"], ["dark", "Dark"], ["light", "Light"],
      ["contrast-dark", "High contrast, dark"], ["contrast-light", "High contrast, light"], ["solarized", "Solarized"]] },
    { key: "font", label: "Font", input: { placeholder: "The system's monospace font", spellcheck: "false", autocomplete: "off" } },
    { key: "fontSize", label: "Font size", input: { type: "number", min: FONT_SIZES[0], max: FONT_SIZES[1] } },
    { key: "cursor", label: "Cursor", options: [["block", "Block"], ["bar", "Bar"], ["underline", "Underline"]] },
    { key: "cursorBlink", label: "Cursor blinks" },
  ]],
  ["Terminal", [
    { key: "scrollback", label: "Scrollback, in lines", input: { type: "number", min: 0, max: SCROLLBACK_MAX },
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
    el("p", { class: "hint" }, "Changes apply at once, and are kept in this browser."),
    body,
    el("form", { method: "dialog", class: "actions" },
      el("button", { class: "primary" }, "Done"),
      el("button", { type: "button", onclick: () => { store.reset(); fill(); } }, "Reset all")));
  openDialog(dialog);
}

function rowOf(row: Row, store: SettingsStore): Node[] {
  const id = newId("setting");
  const hint = row.hint && el("p", { class: "hint", id: `${id}-hint` });
  const attributes = { id, "aria-describedby": hint?.id };
  const control = row.options === undefined
    ? el("input", { ...attributes, ...row.input ?? { type: "checkbox" } })
    : el("select", attributes, ...row.options.map(([value, text]) => el("option", { value }, text)));
  const isCheckbox = control.type === "checkbox";
  const show = () => {
    const value = store.current[row.key];
    Object.assign(control, isCheckbox ? { checked: value } : { value });
    hint?.replaceChildren(row.hint?.(store.current) ?? "");
  };
  control.addEventListener("change", () => {
    const { checked, value, valueAsNumber } = control as HTMLInputElement;
    store.set({ [row.key]: isCheckbox ? checked : control.type === "number" ? valueAsNumber : value });
    // What was out of bounds is shown as it was stored.
    show();
  });
  show();
  return [el("label", { for: id }, row.label), control, ...(hint === undefined ? [] : [hint])];
}
