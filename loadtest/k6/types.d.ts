// Shapes that several scripts share, and the parts of k6 that @types/k6 lacks. For the type check
// alone; k6 never reads it.

import type { WebSocket as Documented } from 'k6/websockets';
import type { Session as SessionClass } from './terminal.js';

export type Session = InstanceType<typeof SessionClass>;

/** k6 has a console and no DOM. */
declare global {
  const console: { warn(text: string): void };
}

/** Releases from 1.6 on give code and reason; older ones give nothing. */
export interface CloseEvent {
  code?: number;
  reason?: string;
}

/** @types/k6 2.3 knows neither the subprotocol nor what a close brings; k6 has both. */
export type Socket = Omit<Documented, 'onclose' | 'onmessage'> & {
  onclose: (event?: CloseEvent) => void;
  /** With binaryType 'arraybuffer'. */
  onmessage: (event: { data: string | ArrayBuffer }) => void;
};
export type SocketClass = new (url: string, protocols?: string) => Socket;

/** What one session does; the fields are described at `Session`. */
export interface Role {
  user: string;
  command: string;
  flowWindow?: number;
  echoes?: boolean;
  endsItself?: boolean;
  ready: (session: Session) => void;
}

/** The messages of the bridge that the scripts read. */
export type BridgeMessage =
  | { type: 'hello' | 'prompt' | 'host_key' }
  | { type: 'ready'; input_window?: number }
  | { type: 'input_ack'; bytes: number }
  | { type: 'exit'; status?: number }
  | { type: 'error'; code: string };

/** The argument of handleSummary, as far as the table reads it. */
export interface Summary {
  metrics?: Record<string, SummaryMetric | undefined>;
}
export interface SummaryMetric {
  values: Record<string, number | undefined>;
  thresholds?: Record<string, { ok: boolean }>;
}
