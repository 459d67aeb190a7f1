// The account that the tests log in to, with a random password for the lifetime of this process.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { user } from "../../../src/web/client/test/support/bridge.mjs";

/** The lock that the tests in Rust hold as well, so that no other process changes the password meanwhile. */
const LOCK = join(tmpdir(), "sshard-test-account.lock");

/** @type {Promise<{ user: string, password: string, release: () => void }> | undefined} */
let acquired;

/** Sets the password at the first call. */
export function account() {
  acquired ??= acquire();
  return acquired;
}

/** Releases the account for another process. */
export async function releaseAccount() {
  (await acquired)?.release();
  acquired = undefined;
}

async function acquire() {
  // It holds the lock until its input ends, which it does with this process.
  const holder = spawn("flock", [LOCK, "sh", "-c", "echo held; exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  const password = randomBytes(16).toString("hex");
  const set = spawnSync("/usr/sbin/chpasswd", { input: `${user}:${password}\n` });
  assert.equal(set.status, 0, `the password of ${user} cannot be set; run tests/setup.sh, and the tests, as root`);
  return { user, password, release: () => holder.stdin.end() };
}
