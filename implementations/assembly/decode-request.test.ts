/**
 * Goal: whatever bytes a client sends, no node ends over them: what is no request is passed over, and one that asks for
 * nothing is refused.
 * Method: hosts of nodes with ports that do nothing, given such bytes as messages of a client.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../foundation/codec.ts";
import { seededRandom } from "../foundation/prng.ts";
import type { NodeId } from "../foundation/units.ts";
import { VirtualTime } from "../platform/simulated/clock.ts";
import { storageDefaults } from "../storage/production/defaults.ts";
import { asksForSomething, decodeRequest } from "./decode-request.ts";
import { MinimalSeat } from "./scheduler/minimal-seat.ts";
import { pQueueRules } from "./scheduler/peers/abilities.ts";
import { PeerHost } from "./scheduler/peers/peer-host.ts";
import { StoreNode } from "./storage/store-node.ts";

const none = [
  encode(null),
  encode(undefined),
  encode(7),
  encode("request"),
  encode({ id: 1 }).slice(0, 2),
  new Uint8Array(),
];
const nothing = [{ id: 1 }, { id: 1, operation: null }, { id: 1, operation: 7 }];
const codeOf = (bytes: Uint8Array): unknown =>
  (decode(bytes) as { readonly reply: { readonly code?: unknown } }).reply.code;

test("bytes are a request if they are an object, and it asks for something if that is one", () => {
  for (const bytes of none) assert.equal(decodeRequest(bytes), undefined);
  for (const request of [...nothing, { id: 1, command: null }]) {
    assert.deepEqual(decodeRequest(encode(request)), request);
    assert.equal(asksForSomething(request), false);
  }
  assert.ok(asksForSomething({ operation: {} }) && asksForSomething({ command: {} }));
});

/** @returns what reaches the node of a client, and the codes with which it refuses. */
class Client {
  receive: (from: NodeId, bytes: Uint8Array) => void = () => assert.fail("the node listens");
  readonly codes: unknown[] = [];
  readonly transport = {
    onMessage: (receive: (from: NodeId, bytes: Uint8Array) => void) => void (this.receive = receive),
    send: (_to: NodeId, bytes: Uint8Array) => void this.codes.push(codeOf(bytes)),
  };

  tellsNothing(requests: readonly object[]): void {
    for (const bytes of none) this.receive("client", bytes);
    assert.deepEqual(this.codes, [], "passed over");
    for (const request of requests) this.receive("client", encode(request));
    assert.deepEqual(
      this.codes,
      requests.map(() => "MALFORMED_REQUEST"),
    );
  }
}

test("a minimal scheduler's node", () => {
  const client = new Client();
  const seat = new MinimalSeat({
    id: "n1",
    clock: new VirtualTime(),
    workers: 1,
    transport: client.transport,
    started: () => undefined,
    stopped: () => undefined,
    lost: () => undefined,
    resumed: () => undefined,
    serve: () => assert.fail("nothing is asked for"),
  });
  seat.start();
  client.tellsNothing(nothing);
});

test("a peer's host", () => {
  const client = new Client();
  const host = new PeerHost({
    ...{ rules: pQueueRules, queueLimit: 1, remembered: 10, life: 1, nowMs: () => 0, trace: () => undefined },
    send: (to, bytes) => client.transport.send(to, bytes),
    canCall: () => Promise.resolve(true),
  });
  client.receive = (from, bytes) => host.receive(from, bytes);
  client.tellsNothing(nothing);
});

test("a store's node", () => {
  const client = new Client();
  const time = new VirtualTime();
  const node = new StoreNode({
    id: "n1",
    founders: ["n1"],
    isPeer: () => false,
    forming: true,
    settings: storageDefaults,
    openEngine: () => undefined, // It is still opening.
    setAside: () => undefined,
    transport: client.transport,
    clock: time,
    random: seededRandom("node"),
    defer: (callback) => void time.after(0, callback),
    tracesAccepts: false,
    trace: () => undefined,
    isWatched: () => false,
    beforeSend: (_to, _message, proceed) => proceed(),
    onStarted: () => undefined,
    onFatal: (error) => assert.fail(error),
  });
  assert.equal(node.isServing, false);
  client.tellsNothing([...nothing, { id: 1, command: null }]);
});
