// What a server or the bridge asks while a session is set up: the host key, and prompts of the log-in.

import { ask } from "./dialog.js";
import { el, newId } from "./dom.js";
import { isFramed } from "./embedding.js";
import { visible } from "./text.js";

export interface HostKeyQuestion {
  readonly algorithm: string;
  readonly fingerprint: string;
  readonly known?: "new" | "changed" | undefined;
}

export interface PromptQuestion {
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly { readonly text: string; readonly echo: boolean }[];
}

/** A click within this time, in milliseconds, of the dialog's appearance was meant for something else. */
const SETTLE = 500;

/** Returns the fingerprint in groups of four, as people compare them. */
export function grouped(fingerprint: string): string {
  const [kind, hash] = fingerprint.split(":", 2);
  return hash === undefined ? fingerprint : `${kind}: ${(hash.match(/.{1,4}/g) ?? []).join(" ")}`;
}

/** The hash alone, without kind, blanks and padding. */
function bare(text: string): string {
  return text.replace(/^\s*SHA256:/, "").replace(/[\s=]/g, "");
}

/** What comparing says: the same, not the same, or not yet told apart. */
export function compare(expected: string, fingerprint: string): { verdict: "" | "same" | "partly" | "other"; text: string } {
  const hash = bare(fingerprint);
  const given = bare(expected);
  if (given === "") {
    return { verdict: "", text: "" };
  }
  // With it come a key's size, its comment, or a list of keys.
  if (expected.replace(/[\s=]/g, "").includes(hash)) {
    return { verdict: "same", text: "✓ They are the same." };
  }
  return hash.startsWith(given)
    ? { verdict: "partly", text: `The same so far: ${given.length} of ${hash.length} characters.` }
    : { verdict: "other", text: "✗ They differ." };
}

/** Asks whether `host` may be trusted with the key it showed. */
export function askHostKey(host: string, question: HostKeyQuestion, signal: AbortSignal): Promise<boolean> {
  const expected = el("input", { id: newId("compare"), autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  const verdict = el("p", { role: "status", class: "verdict" });
  const changed = question.known === "changed";
  return ask({
    title: changed ? `The host key of ${host} has changed` : `Is this ${host}?`,
    body: [
      el("p", {}, changed
        ? "The server shows another key than the one on record. It was installed anew, or somebody stands between. Go on only if you know why."
        : question.known === "new"
          ? "This server is new to the bridge. Compare its fingerprint with one that you got from the server's operator."
          : "The bridge does not vouch for this server's key. Compare its fingerprint with one that you got from the server's operator."),
      el("p", { class: "label" }, `Fingerprint of its ${visible(question.algorithm)} key`),
      el("p", { class: "fingerprint" }, visible(grouped(question.fingerprint))),
      el("label", { for: expected.id }, "Expected fingerprint, to compare (optional)"),
      expected,
      verdict,
      ...(isFramed
        ? [el("p", { class: "hint" }, "Inside of another page a key is trusted by a click alone, not by the keyboard.")]
        : []),
    ],
    choices: [
      { label: "Do not connect", value: false, kind: "primary" },
      { label: "Trust it, for this session", value: true, ...(changed ? { kind: "danger" as const } : {}) },
    ],
    cancel: false,
    settle: SETTLE,
    pointerOnly: isFramed,
    signal,
    prepare: (_, buttons) => {
      expected.addEventListener("input", () => {
        const result = compare(expected.value, question.fingerprint);
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

/** Asks the user what `host` wants to know for the log-in of `who`; `undefined` if they cancel. */
export async function askPrompts(
  who: string, host: string, question: PromptQuestion, signal: AbortSignal,
): Promise<string[] | undefined> {
  if (question.prompts.length === 0) {
    return [];
  }
  const inputs = question.prompts.map((prompt, index) => el("input", {
    id: newId("prompt"),
    autofocus: index === 0,
    type: prompt.echo ? "text" : "password",
    autocomplete: CODE.test(prompt.text) ? "one-time-code" : prompt.echo ? "off" : "current-password",
    autocapitalize: "off", spellcheck: "false", maxlength: 1024,
    ...(CODE.test(prompt.text) ? { inputmode: "numeric" } : {}),
  }));
  const fields = question.prompts.flatMap((prompt, index) => {
    const input = inputs[index];
    return input === undefined ? [] : [
      el("label", { for: input.id, class: "remote", dir: "auto" }, visible(prompt.text) || "Answer"), input];
  });
  const words = [question.name, question.instruction].filter((text) => text.trim() !== "");
  const sent = await ask({
    title: `${host} asks`,
    body: [
      el("p", { class: "hint" }, `For the log-in of ${who}. The words below are the server's.`),
      ...(words.length > 0 ? [serverWords(words.join("\n"))] : []),
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

/** Text of the SSH server as plain text in a box that says whose words they are. */
export function serverWords(text: string): HTMLElement {
  return el("figure", { class: "server-words" },
    el("figcaption", {}, "From the server"),
    el("pre", { dir: "auto", tabindex: "0" }, visible(text.trimEnd())));
}
