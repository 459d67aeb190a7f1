// The admin API: every request has a deadline, and the token is in memory only.

import { TARGETS, type Query, type Session, type SessionList, type Stats } from "./types.js";

/** Deadline of a request and its whole answer, in milliseconds. */
const DEADLINE = 5_000;
/** A reload reads files and may look names up. */
const RELOAD_DEADLINE = 35_000;

/** The bridge requires a token, or refused the given one. */
export class Unauthorized extends Error {
  constructor(readonly refused: boolean) {
    super(refused
      ? "The bridge refused this token. It must be the one in the file of admin.token_file."
      : "The bridge requires the token of its setting admin.token_file.");
  }
}

/** Error answer of the bridge. */
export class Refused extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

/** No answer, or an answer of another program. */
export class NoAnswer extends Error {}

export class Api {
  token: string | undefined;

  async stats(): Promise<Stats> {
    const stats = await this.#request<Stats>("GET", `stats?hosts=${TARGETS}`);
    if (!Array.isArray(stats.shards) || typeof stats.latencies !== "object") {
      throw new NoAnswer("The answer is not one of a bridge of this page's version. Load the page again.");
    }
    return stats;
  }

  sessions(query: Query): Promise<SessionList> {
    const parameters = new URLSearchParams({
      sort: query.sort, order: query.order, offset: String(query.offset), limit: String(query.limit),
    });
    if (query.search !== "") {
      parameters.set("search", query.search);
    }
    if (query.shard !== undefined) {
      parameters.set("shard", String(query.shard));
    }
    if (query.state !== "") {
      parameters.set("state", query.state);
    }
    return this.#request("GET", `api/v1/sessions?${parameters}`);
  }

  session(id: string): Promise<Session> {
    return this.#request("GET", `api/v1/sessions/${encodeURIComponent(id)}`);
  }

  async end(id: string): Promise<void> {
    await this.#request("DELETE", `api/v1/sessions/${encodeURIComponent(id)}`);
  }

  async drain(): Promise<void> {
    await this.#request("POST", "api/v1/drain");
  }

  reload(): Promise<Record<string, unknown>> {
    return this.#request("POST", "api/v1/reload", RELOAD_DEADLINE);
  }

  async #request<T>(method: string, path: string, deadline = DEADLINE): Promise<T> {
    const headers: Record<string, string> = {};
    const { token } = this;
    if (token !== undefined) {
      headers["Authorization"] = `Bearer ${token}`;
    }
    if (method !== "GET") {
      headers["X-Sshard-Admin"] = "1";
    }
    const answer = await fetchJson(new URL(path, document.baseURI), { method, headers }, deadline);
    if (answer.status === 401) {
      throw new Unauthorized(token !== undefined);
    }
    if (answer.status >= 300) {
      throw new Refused(answer.status, detail(answer.body) ?? `The bridge answered with status ${answer.status}.`);
    }
    if (answer.body === undefined) {
      throw new NoAnswer("The answer is not one of a bridge.");
    }
    return answer.body as T;
  }
}

async function fetchJson(url: URL, init: RequestInit, deadline: number): Promise<{ status: number; body: unknown }> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), deadline);
  try {
    const answer = await fetch(url, {
      ...init, signal: abort.signal, cache: "no-store", redirect: "error",
    });
    const text = await answer.text();
    return { status: answer.status, body: parseJson(text) };
  } catch {
    throw new NoAnswer(abort.signal.aborted
      ? `No answer within ${deadline / 1000} s.`
      : "The connection was refused or broke.");
  } finally {
    clearTimeout(timer);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Returns the sentence of a problem+json body (RFC 9457). */
function detail(body: unknown): string | undefined {
  if (typeof body === "object" && body !== null && "detail" in body && typeof body.detail === "string") {
    const text = body.detail;
    return text.charAt(0).toUpperCase() + text.slice(1);
  }
  return undefined;
}
