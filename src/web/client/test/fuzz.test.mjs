// Fuzzing by seed: whatever a server sends, every promise settles, and no error is left unhandled.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect, SshardError } from "@sshard/client";
import { startScripted } from "./support/scripted.mjs";
import { unhandled, WebSocket, within } from "./support/tools.mjs";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
const rounds = Number(process.env.FUZZ_ROUNDS ?? 300);
const uncaught = [];
after(() => assert.deepEqual([...unhandled, ...uncaught], []));

/** Numbers of a linear congruential generator, in [0, n). */
function generator(state) {
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const types = ["hello", "host_key", "banner", "prompt", "ready", "input_ack", "exit", "error", "notice", "pong", "other", "", "__proto__"];
const values = [null, true, false, 0, 1, -1, 0.5, 1e300, 2 ** 53, "", "x", "constructor", "SHA256:x", [], {}, [{ text: "?", echo: true }], [null], { a: 1 }];
const fields = ["id", "version", "max_message_bytes", "algorithm", "fingerprint", "known", "text", "name", "instruction", "prompts", "session", "input_window",
  "bytes", "status", "signal", "core_dumped", "message", "code", "stage", "retryable", "kind", "deadline_ms", "data", "ssh_ms"];
const good = {
  hello: { version: 1, max_message_bytes: 65536 }, ready: { session: "s", input_window: 100 }, prompt: { id: 1, prompts: [] }, input_ack: { bytes: 0 },
  host_key: { id: 1, algorithm: "a", fingerprint: "f" }, error: { code: "limit", stage: "auth", message: "m" }, exit: { status: 1 },
};

/** A message: mostly well formed, sometimes with odd fields, sometimes none at all. */
function message(random, type = types[random(types.length)]) {
  switch (random(12)) {
    case 0: return ["", "{", "[1]", "nul", "\u0000", "9".repeat(400)][random(6)];
    case 1: return Buffer.alloc(random(3) * 100_000);
    default: {
      const made = { type, ...good[type] };
      for (let n = random(3); n > 0; n--) made[fields[random(fields.length)]] = values[random(values.length)];
      if (random(20) === 0) made.type = values[random(values.length)];
      return made;
    }
  }
}

test(`random messages settle every promise, seed ${seed}`, { timeout: 120_000 }, async () => {
  process.on("uncaughtException", (error) => uncaught.push(error));
  for (let round = 0; round < rounds; round++) {
    const random = generator(seed + round);
    const server = await startScripted(async (peer) => {
      if (random(4)) {
        peer.hello();
        if (random(2)) await peer.wait("auth");
      }
      if (random(2)) peer.ready({ input_window: 1 + random(1000) });
      for (let n = random(15); n > 0; n--) peer.send(message(random));
      if (random(2)) peer.socket.close(1000);
      else peer.socket.terminate();
    });
    const where = `seed ${seed}, round ${round}`;
    try {
      const callbacks = { onPrompt: ({ prompts }) => prompts.map(() => "a"), onHostKey: () => true, onBanner() {} };
      const session = await within(10_000, connect({ url: server.url, user: "u", WebSocket, ...callbacks }), where);
      void session.write("x".repeat(random(3000)), { signal: AbortSignal.timeout(1 + random(50)), tail: new Uint8Array(3) });
      if (random(2)) void session.eof();
      let total = 0;
      if (random(3)) for await (const chunk of session.output) total += chunk.length;
      await within(10_000, session.exited, where);
    } catch (error) {
      assert(error instanceof SshardError, `${where}: ${error?.stack}`);
    } finally {
      await server.stop();
    }
  }
});
