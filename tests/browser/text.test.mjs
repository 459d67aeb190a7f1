// Untrusted text, made safe to show: needs no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parts } from "./support/parts.mjs";

const { cleanTitle, visible } = await parts("page", ["text"]);

test("what reorders text or is shown as nothing becomes visible, and no title has it", () => {
  for (const kept of ["", "root", "müller", "e\u0301", "日本", "a b\n\tc", "🙂", "\u26a0\ufe0f warning", "\ue0b0", "\u{f0001}"]) {
    assert.equal(visible(kept), kept);
    assert.equal(cleanTitle(kept), kept);
  }
  for (const [text, shown] of /** @type {[string, string][]} */ ([
    ["a\u001b[31m\u007f\u009b", "a␛[31m␡<U+009B>"], ["\u202etxt.exe", "<U+202E>txt.exe"], ["a\u2028b", "a<U+2028>b"],
    ...["00ad", "034f", "061c", "115f", "180b", "180e", "200b", "200d", "2060", "2066", "3164", "fe00", "fe0f", "feff", "ffa0", "fff0", "fff9",
      "1d173", "e0041", "e0100", "fdd0", "ffff", "10ffff"].map((code) =>
      /** @type {[string, string]} */ ([`root${String.fromCodePoint(parseInt(code, 16))}`, `root<U+${code.toUpperCase()}>`])),
  ])) {
    assert.equal(visible(text), shown);
    assert.equal(visible(cleanTitle(text)), cleanTitle(text));
  }
});
