// Client of sshard, the WebSocket-to-SSH bridge: one session per WebSocket, backpressure in both
// directions, typed errors. It does not reconnect (that would be a new shell), stores nothing,
// and draws nothing.
export { backoff, type BackoffOptions } from "./backoff.js";
export { CODES } from "./codes.js";
export { connect } from "./connect.js";
export { SshardError, type Code, type Stage } from "./error.js";
export type { WriteOptions } from "./input.js";
export type { Latency } from "./liveness.js";
export type { Asked, ConnectOptions, HostKey, Prompt, Question, SocketClass, SocketLike } from "./options.js";
export type { OutputReader } from "./output.js";
export type { Exit, Notice, Progress, Session, SessionEvents, SignalName, State } from "./session.js";
