/**
 * Goal: a socket is gone after a reset, whatever it was doing.
 * Method: reset one side of a real connection while it is idle, and while its end is on its way.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { resetSocket } from "./reset-socket.ts";

async function pair(): Promise<{ readonly ours: Socket; readonly theirs: Socket; readonly close: () => void }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const ours = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [theirs] = (await once(server, "connection")) as [Socket];
  return { ours, theirs, close: () => (theirs.destroy(), server.close()) };
}

test("an idle connection is reset, and the other side is told", async () => {
  const { ours, theirs, close } = await pair();
  const told = new Promise<NodeJS.ErrnoException>((resolve) => theirs.on("error", resolve));
  theirs.resume();
  resetSocket(ours);
  await once(ours, "close");
  assert.equal((await told).code, "ECONNRESET");
  close();
});

test("a connection is gone also when its own end is on its way", async () => {
  // A turn later the system is working on the end; how many turns later is Node's affair, so several are tried.
  for (let turns = 0; turns < 5; turns++) {
    const { ours, close } = await pair();
    ours.on("error", (error) => assert.fail(error));
    ours.end();
    for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => process.nextTick(resolve));
    resetSocket(ours);
    if (!ours.closed) await once(ours, "close");
    close();
  }
});
