// Words for people on every code of the protocol and of this client: what a page shows.
import { CODES } from "./index.js";
import { WORDS } from "./words.js";

/** Words and facts on one code. */
export interface Explanation {
  code: string;
  /** Close code of the WebSocket, if the code has one of its own. */
  closeCode?: number;
  retryable: boolean;
  /** Side that finds it. */
  from: "server" | "client";
  sentence: string;
  cause: string;
  /** May be empty. */
  action: string;
}

/** Every explanation, by code. */
export const EXPLANATIONS: ReadonlyMap<string, Explanation> = new Map(
  Object.entries(CODES).map(([code, [verdict, action]]) => {
    const [from, sentence, cause] = WORDS[code]!;
    const closeCode = Math.abs(verdict);
    const facts = { code, retryable: verdict < 0, from, sentence, cause, action };
    return [code, closeCode > 1 ? { ...facts, closeCode } : facts];
  }),
);

/** Explanation of an error's code; undefined for one that a newer bridge sent. */
export function explain(code: string): Explanation | undefined {
  return EXPLANATIONS.get(code);
}
