// Stages of the connection, as a scripted bridge tells them.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { connect } from "@sshard/client";
import { startScripted } from "./support/scripted.mjs";
import { failure, sleep, unhandled, WebSocket, within } from "./support/tools.mjs";

describe("stages", { timeout: 60_000 }, () => {
  let server;
  afterEach(() => server?.stop());
  after(() => assert.deepEqual(unhandled, []));
  const begin = async (script, options) => {
    server = await startScripted(script);
    return within(10_000, connect({ url: server.url, user: "u", WebSocket, ...options }), "connect");
  };

  test("stages are asked for by who wants them, and told as they come", async () => {
    const stage = (name) => ({ type: "notice", kind: "stage", stage: name });
    const script = async (peer) => {
      peer.hello();
      await peer.wait("auth");
      peer.send({ type: "notice", kind: "drain", deadline_ms: 60_000 });
      // Twice, and one of a newer bridge.
      for (const name of ["resolve", "connect", "connect", "quantum", "login"]) peer.send(stage(name));
      peer.ready();
    };
    const stages = [];
    const session = await begin(script, { onStage: (name) => stages.push(name) });
    assert.deepEqual(stages, ["upgrade", "auth", "resolve", "connect", "quantum", "login", "relay"]);
    assert.equal(session.notice.kind, "drain");
    assert.equal(server.peers[0].of("auth")[0].progress, true);
    await session.close();
    await server.stop();
    const quiet = await begin(script, {});
    assert(!("progress" in server.peers[0].of("auth")[0]));
    await quiet.close();
    await server.stop();
    // Where a connection is lost in a stage, the error says in which.
    const lost = await failure(begin(async (peer) => {
      peer.hello();
      await peer.wait("auth");
      peer.send(stage("connect"));
      await sleep(20);
      peer.socket.terminate();
    }, { onStage: () => {} }));
    assert.deepEqual([lost.code, lost.stage], ["disconnected", "connect"]);
  });

  test("a program that throws at a stage ends the attempt", async () => {
    const thrown = await failure(begin(async (peer) => {
      peer.hello();
      await peer.wait("auth");
      peer.send({ type: "notice", kind: "stage", stage: "connect" });
    }, { onStage: (stage) => { if (stage === "connect") throw new Error("no"); } }));
    assert.deepEqual([thrown.code, thrown.stage], ["callback-failed", "connect"]);
  });
});
