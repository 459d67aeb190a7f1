import { CODES } from "./codes.js";

/** Stage of a session, as the server names it. */
export type Stage =
  | "upgrade"
  | "auth"
  | "resolve"
  | "connect"
  | "handshake"
  | "host_key"
  | "login"
  | "shell"
  | "relay";

/** Stable code of a failure. A newer bridge may send others. */
export type Code = keyof typeof CODES | (string & {});

/** Facts of one failure, beside its code and stage. */
export interface ErrorFacts {
  closeCode?: number | undefined;
  retryable?: boolean | undefined;
  detail?: unknown;
  cause?: unknown;
}

/** Longest text of the bridge that an error holds, in UTF-16 units. */
const MAX_DETAIL = 1024;
/** Control and bidirectional formatting characters. */
const CONTROL = /\p{Cc}|\p{Cf}/gu;

/** Row of the table; undefined for a code that it lacks, also for names of object properties. */
function row(code: string): readonly [number, string, string?] | undefined {
  return Object.hasOwn(CODES, code) ? CODES[code as keyof typeof CODES] : undefined;
}

/** Code for a close frame without an `error` message before it. */
export function codeOfClose(closeCode: number, fallback: Code): Code {
  // 1000 and 1006 name no cause.
  if (closeCode === 1000 || closeCode === 1006) return fallback;
  return Object.keys(CODES).find((code) => Math.abs(row(code)![0]) === closeCode) ?? fallback;
}

/** Failure of a session. Holds no secret that was given to `connect`. Its message is the bridge's where
 * the bridge found the failure, without control characters. */
export class SshardError extends Error {
  /** WebSocket close code, if there was one. */
  readonly closeCode: number | undefined;
  /** True if the same request may succeed later. */
  readonly retryable: boolean;
  /** Action for the user; may be empty. */
  readonly hint: string;

  constructor(
    /** Stable code; see the table of codes. */
    readonly code: Code,
    /** Stage in which it happened. */
    readonly stage: Stage,
    { closeCode, retryable, detail, cause }: ErrorFacts = {},
  ) {
    const [signedCode = 1, hint = "", sentence] = row(code) ?? [];
    const text = typeof detail === "string" ? detail.slice(0, MAX_DETAIL).replace(CONTROL, " ") : "";
    super([sentence, text].filter(Boolean).join(": ") || code, cause ? { cause } : undefined);
    this.name = "SshardError";
    const tableCode = Math.abs(signedCode);
    // 1 stands for none.
    this.closeCode = closeCode || (tableCode > 1 ? tableCode : undefined);
    this.retryable = !!(retryable ?? signedCode < 0);
    this.hint = hint;
  }
}
