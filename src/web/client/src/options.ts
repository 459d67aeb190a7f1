import { SshardError, type Stage } from "./error.js";

/** One question of a {@link Prompt}. Its text is the SSH server's: show it as plain text. */
export interface Question {
  text: string;
  /** True if the answer may be shown while it is typed. */
  echo: boolean;
}

/** One round of questions of the SSH server (keyboard-interactive). All texts are the server's. */
export interface Prompt {
  name: string;
  instruction: string;
  /** May be empty: then an empty array is the answer. */
  prompts: Question[];
}

/** A host key that is not verified yet. */
export interface HostKey {
  algorithm: string;
  /** `SHA256:` and unpadded base64. */
  fingerprint: string;
  /** `changed` if an authority is on record for the host, which showed no certificate of one; absent if
   * the bridge does not send it. */
  known?: "new" | "changed";
}

/** Second argument of `onPrompt` and `onHostKey`: aborted when the answer is no longer wanted. */
export interface Asked {
  signal: AbortSignal;
}

/** Part of the WebSocket interface that is used; that of browsers, Node and `ws` all fit. */
export interface SocketLike {
  binaryType: string;
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}

/** Constructor of a {@link SocketLike}. */
export type SocketClass = new (url: string, protocol: string) => SocketLike;

/** Options of `connect`. */
export interface ConnectOptions {
  /** `wss://bridge/ws/host/22` or `wss://bridge/ws/name`; http(s) is taken as ws(s); in a page
   * it may be relative to the page. No query, fragment or credentials. */
  url: string | URL;
  user: string;
  password?: string | undefined;
  /** PEM: OpenSSH, PKCS#1, PKCS#8 or SEC1. */
  privateKey?: string | undefined;
  /** Of the private key. */
  passphrase?: string | undefined;
  /** OpenSSH certificate of the private key. */
  certificate?: string | undefined;
  /** Admission ticket. */
  ticket?: string | undefined;
  /** Width in characters, 1 to 1000; default 80. */
  cols?: number | undefined;
  /** Height in characters, 1 to 1000; default 24. */
  rows?: number | undefined;
  /** Default `xterm-256color`. */
  term?: string | undefined;
  env?: Record<string, string> | undefined;
  /** Absent: the login shell. */
  command?: string | undefined;
  /** Answers questions of the SSH server, one string for each. Without it a question fails. */
  onPrompt?: ((prompt: Prompt, asked: Asked) => readonly string[] | Promise<readonly string[]>) | undefined;
  /** Decides on a host key for this session. Without it, and for all but `true`, it is refused. */
  onHostKey?: ((key: HostKey, asked: Asked) => boolean | Promise<boolean>) | undefined;
  /** Receives the SSH server's banner; remote text. */
  onBanner?: ((text: string) => void) | undefined;
  /** Called when a stage begins. Without it the bridge does not send the stages between `auth` and `relay`; an older
   * bridge, or one that hides its targets, leaves some out. */
  onStage?: ((stage: Stage) => void) | undefined;
  /** Ends the attempt, and later the session. */
  signal?: AbortSignal | undefined;
  /** WebSocket class where there is no global one. */
  WebSocket?: SocketClass | undefined;
  /** Most bytes of output not yet consumed, 64 KiB to 4 MiB; default 384 KiB. */
  flowWindow?: number | undefined;
  /** Deadline of the bridge's first message, and of each later step but questions to the user, in
   * ms; default 30 s and four times that. */
  timeout?: number | undefined;
  /** Pause between pings, in ms; default 15 s. */
  pingInterval?: number | undefined;
  /** Time without any answer to a ping until the state is `no-answer`, in ms; default 9.5 s, so that
   * silence is reported within 25 s. */
  pingTimeout?: number | undefined;
}

/** Largest size of a terminal, in cells. */
const MAX_CELLS = 1000;

/** Parts of the environment that not every runtime has. */
export const host = globalThis as unknown as {
  WebSocket?: SocketClass;
  location?: { href: string };
  document?: EventTarget & { baseURI: string; visibilityState: string };
  addEventListener?: EventTarget["addEventListener"];
  removeEventListener?: EventTarget["removeEventListener"];
};

/** Error for an invalid option. Quotes no value. */
export function badOption(detail: string): SshardError {
  return new SshardError("bad-option", "upgrade", { detail });
}

/** Number of cells within bounds, or the fallback for what is no number. */
export function cells(value: unknown, fallback: number): number {
  return within(value, 1, MAX_CELLS, fallback);
}

/** Integer within bounds, or the fallback for what is no finite number. */
export function within(value: unknown, min: number, max: number, fallback: number): number {
  return Number.isFinite(value) ? Math.min(max, Math.max(min, Math.floor(value as number))) : fallback;
}

/** Address for the WebSocket. */
export function socketUrl(url: string | URL): string {
  let href = "";
  try {
    href = new URL(url, host.document?.baseURI ?? host.location?.href).href.replace(/^http/, "ws");
  } catch {
    // Refused below.
  }
  // Addresses end up in logs and histories: they must not contain secrets.
  if (!/^wss?:\/\/[^/@]+\/[^?#]*$/.test(href)) throw badOption("url must be ws(s): without query or credentials");
  return href;
}

/** Calls a function of the program. An exception is reported as uncaught, and has no other effect. */
export function safely(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
