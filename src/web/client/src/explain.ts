// Explanations for people of every code of the protocol and of this client, as a page shows them.
import { CODES } from "./index.js";
import { SENTENCES } from "./sentences.js";

/** Explanation and facts of a code. */
export interface Explanation {
  code: string;
  /** Close code of the WebSocket, if the code has one of its own. */
  closeCode?: number;
  retryable: boolean;
  /** Side that detects the failure. */
  from: "server" | "client";
  sentence: string;
  cause: string;
  /** May be empty. */
  action: string;
}

/** Every explanation, by code. */
export const EXPLANATIONS: ReadonlyMap<string, Explanation> = new Map(
  Object.entries(CODES).map(([code, [signedCode, action]]) => {
    const [from, sentence, cause] = SENTENCES[code]!;
    const closeCode = Math.abs(signedCode);
    const facts = { code, retryable: signedCode < 0, from, sentence, cause, action };
    return [code, closeCode > 1 ? { ...facts, closeCode } : facts];
  }),
);

/** Explanation of an error's code; undefined for one that a newer bridge sent. */
export function explain(code: string): Explanation | undefined {
  return EXPLANATIONS.get(code);
}
