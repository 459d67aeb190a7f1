// Questions during the log-in: of the bridge about the host key, and of the SSH server (keyboard-interactive).

import type { HostKey, Prompt } from "@sshard/client";
import { ask } from "./dialog.js";
import { el, newId } from "./dom.js";
import { isFramed } from "./embedding.js";
import { visible } from "./text.js";

/** Time after the question's appearance in which a click does not count, in milliseconds. */
const CLICK_DELAY = 500;

/** Returns the fingerprint in groups of four, as people compare them. */
export function grouped(fingerprint: string): string {
  const [kind, hash] = fingerprint.split(":", 2);
  return hash === undefined ? fingerprint : `${kind}: ${(hash.match(/.{1,4}/g) ?? []).join(" ")}`;
}

/** Returns the hash alone, without kind, blanks and padding. */
function hashOf(text: string): string {
  return text.replace(/^\s*SHA256:/, "").replace(/[\s=]/g, "");
}

/** Compares a fingerprint with what the user typed so far. */
export function compare(expected: string, fingerprint: string): { verdict: "" | "same" | "partly" | "other"; text: string } {
  const hash = hashOf(fingerprint);
  const given = hashOf(expected);
  if (given === "") {
    return { verdict: "", text: "" };
  }
  // The text may also hold a key's size, its comment, or a list of keys.
  if (expected.replace(/[\s=]/g, "").includes(hash)) {
    return { verdict: "same", text: "✓ They are the same." };
  }
  return hash.startsWith(given)
    ? { verdict: "partly", text: `The same so far: ${given.length} of ${hash.length} characters.` }
    : { verdict: "other", text: "✗ They differ." };
}

/** Asks whether `host` may be trusted with the key it showed. */
export function askHostKey(host: string, key: HostKey, signal: AbortSignal): Promise<boolean> {
  const expected = el("input", { id: newId("compare"), autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  const verdict = el("p", { role: "status", class: "verdict" });
  const changed = key.known === "changed";
  return ask({
    title: changed ? `${host} shows no certificate` : `Is this ${host}?`,
    body: [
      el("p", {}, changed
        ? "The bridge knows an authority that certifies this server's key, and the server shows a key without its certificate. It was set up anew, or somebody intercepts the connection. Go on only if you know why."
        : key.known === "new"
          ? "This server is new to the bridge. Compare its fingerprint with one that you got from the server's operator."
          : "The bridge does not know this server's key. Compare its fingerprint with one that you got from the server's operator."),
      el("p", { class: "label" }, `Fingerprint of its ${visible(key.algorithm)} key`),
      el("p", { class: "fingerprint" }, visible(grouped(key.fingerprint))),
      el("label", { for: expected.id }, "Expected fingerprint, to compare (optional)"),
      expected,
      verdict,
      ...(isFramed
        ? [el("p", { class: "hint" }, "In a frame of another page a key is accepted by a click only, not by the keyboard.")]
        : []),
    ],
    choices: [
      { label: "Do not connect", value: false, kind: "primary" },
      { label: "Trust it, for this session", value: true, ...(changed ? { kind: "danger" as const } : {}) },
    ],
    cancel: false,
    clickDelay: CLICK_DELAY,
    pointerOnly: isFramed,
    signal,
    prepare: (buttons) => {
      expected.addEventListener("input", () => {
        const result = compare(expected.value, key.fingerprint);
        verdict.textContent = result.text;
        verdict.className = `verdict ${result.verdict}`;
        const trust = buttons[1];
        if (trust !== undefined) {
          trust.disabled = result.verdict === "partly" || result.verdict === "other";
        }
      });
    },
  });
}

const CODE = /code|token|otp|passcode|verification|one.?time|pin\b/i;
/** Prompts that take digits alone; "Passcode or option (1-3): " takes words, too. */
const DIGITS = /\b(code|pin)\W*$/i;

/** Asks the user the prompts, at least one, of `host` for the log-in of `account`; `undefined` if they cancel. */
export async function askPrompts(
  account: string, host: string, prompt: Prompt, signal: AbortSignal,
): Promise<string[] | undefined> {
  const inputs: HTMLInputElement[] = [];
  const fields = prompt.prompts.flatMap(({ text, echo }, index) => {
    const isCode = CODE.test(text);
    const input = el("input", {
      id: newId("prompt"), autofocus: index === 0, type: echo ? "text" : "password",
      autocomplete: isCode ? "one-time-code" : echo ? "off" : "current-password",
      autocapitalize: "off", spellcheck: "false", maxlength: 1024, inputmode: DIGITS.test(text) ? "numeric" : undefined,
    });
    inputs.push(input);
    return [el("label", { for: input.id, class: "remote", dir: "auto" }, visible(text) || "Answer"), input];
  });
  const texts = [prompt.name, prompt.instruction].filter((text) => text.trim() !== "");
  const sent = await ask({
    title: `${host} asks`,
    body: [
      el("p", { class: "hint" }, `For the log-in of ${account}. The text below is the server's.`),
      ...(texts.length > 0 ? [serverText(texts.join("\n"))] : []),
      ...fields,
    ],
    choices: [{ label: "Send", value: true, kind: "primary" as const }, { label: "Cancel", value: false }],
    cancel: false,
    signal,
  });
  const answers = inputs.map((input) => input.value);
  for (const input of inputs) {
    input.value = "";
  }
  return sent ? answers : undefined;
}

/** Text of the SSH server, as plain text in a box with its origin. */
export function serverText(text: string): HTMLElement {
  return el("figure", { class: "server-text" },
    el("figcaption", {}, "From the server"),
    el("pre", { dir: "auto", tabindex: "0" }, visible(text.trimEnd())));
}
