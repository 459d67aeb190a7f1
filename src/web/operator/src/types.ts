// The answers of the admin API, as far as the page uses them.

export interface Failure {
  readonly stage: string;
  readonly cause: string;
  readonly count: number;
}

export interface Numbers {
  readonly active_sessions: number;
  readonly total_sessions: number;
  readonly successful_sessions: number;
  readonly failed_sessions: number;
  readonly input_bytes: number;
  readonly output_bytes: number;
  readonly failures: readonly Failure[];
  readonly states: Readonly<Record<string, number>>;
}

export interface Shard extends Numbers {
  readonly shard: number;
  readonly connections: number;
  readonly handshakes: number;
  readonly cpu_seconds: number;
  readonly heartbeat_age_seconds: number;
}

export interface Latency {
  readonly counts: readonly number[];
  readonly sum_seconds: number;
}

export interface Stats extends Numbers {
  readonly version: string;
  /** Id of this run of the process. */
  readonly instance: string;
  readonly uptime_seconds: number;
  readonly health: string;
  readonly drain_timeout_seconds: number;
  readonly drain_ends_in_seconds: number | null;
  readonly host_connections: Readonly<Record<string, number>>;
  readonly targets_in_use: number;
  readonly connections: number;
  readonly max_connections: number;
  readonly max_per_host: number;
  readonly unauthenticated: number;
  readonly max_unauthenticated: number;
  readonly max_per_client: number;
  readonly max_handshakes: number;
  readonly refused_before_session: readonly { readonly cause: string; readonly count: number }[];
  readonly latencies: {
    readonly bounds_seconds: readonly number[];
    readonly setup: Latency;
    readonly echo: Latency;
  };
  readonly reloads: { readonly applied: number; readonly refused: number };
  readonly audit_lost_lines: number;
  readonly tls_expires_at: number | null;
  readonly show_users: boolean;
  readonly shards: readonly Shard[];
}

export interface Session {
  readonly id: string;
  readonly shard: number;
  readonly state: string;
  readonly target: string;
  readonly target_address: string | null;
  readonly client_ip: string;
  readonly user?: string;
  readonly created_at: string;
  readonly last_activity: string;
  readonly duration: number;
  readonly input_bytes: number;
  readonly output_bytes: number;
  /** Only in the answer about one session. */
  readonly host_connections?: number | null;
}

export interface SessionList {
  readonly sessions: readonly Session[];
  readonly total: number;
  readonly matched: number;
  readonly unanswered_shards: readonly number[];
}

/** Part of the list of sessions to show. */
export interface Query {
  readonly search: string;
  readonly shard: number | undefined;
  readonly state: string;
  readonly sort: string;
  readonly order: "up" | "down";
  readonly offset: number;
  /** Sessions on one page of the list. */
  readonly limit: number;
}

/** Rows of the table of the busiest targets. */
export const TARGETS = 8;
