import { createHash } from "node:crypto";
import assert from "node:assert/strict";
import { WebSocket as Ws } from "ws";

/** Class for places without a global WebSocket: Node 20. */
export const WebSocket = globalThis.WebSocket ?? Ws;

/** Every promise that was rejected and not handled in this process; tests assert that it is empty. */
export const unhandled = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

/** A promise that fails the test after `ms`. */
export function within(ms, promise, what = "promise") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `test` is true. */
export async function until(test, what = "condition", ms = 10_000) {
  for (const end = Date.now() + ms; !test(); await sleep(5)) assert(Date.now() < end, `${what} did not come true`);
}

/** All output as one buffer. */
export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The error of a promise that must be rejected. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("it was not rejected");
}
