// Parts of the log-in that need no browser: the target.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parts } from "./support/parts.mjs";

const { parseTarget, targetPath } = await parts("page", ["form"]);

test("a target is a name of the configuration, or a host or an address with or without a port", () => {
  const names = ["prod", "cafe", "db:1"];
  for (const [text, path] of /** @type {[string, string | undefined][]} */ ([
    ["prod", "prod"], [" cafe ", "cafe"], ["db:1", "db:1"], ["prod:22", "prod/22"],
    ["db", "db/2200"], ["host.example.org", "host.example.org/2200"], ["host.example.org:22", "host.example.org/22"],
    // An IPv6 address has two colons at least.
    ["db:2222", "db/2222"], ["dc:22", "dc/22"], ["db1:22", "db1/22"], ["cafe:22", "cafe/22"], ["10:22", "10/22"],
    ["127.0.0.1", "127.0.0.1/2200"], ["127.0.0.1:22", "127.0.0.1/22"],
    ["::1", "[::1]/2200"], ["fe80::1", "[fe80::1]/2200"], ["2001:db8::1", "[2001:db8::1]/2200"], ["2001:DB8::", "[2001:DB8::]/2200"],
    ["::ffff:1.2.3.4", "[::ffff:1.2.3.4]/2200"], ["1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]/2200"],
    ["[::1]", "[::1]/2200"], ["[::1]:22", "[::1]/22"],
    ...["", " ", ":", ":22", "db:", "db:ssh", "cafe:babe", "db:0", "db:65536", "db:123456", "db:22:x", "a b", "a/b", "a?b", "a#b", "me@db",
      "[::1", "::1]", "[]", "[::1]22", "[::1]:", "[::1]:0", "[db.example.org]:22", "x".repeat(256)].map((nonsense) => [nonsense, undefined]),
  ])) {
    const target = parseTarget(text, 2200, names);
    assert.equal(target && targetPath(target), path, text);
  }
});
