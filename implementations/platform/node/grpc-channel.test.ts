/**
 * Goal: a call ends exactly once, and "unsent" means that the server saw nothing of it.
 * Method: an HTTP/2 server of the test's own that answers, refuses, is silent or goes away.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { constants, createServer } from "node:http2";
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { VirtualTime } from "../simulated/clock.ts";
import { GrpcChannel } from "./grpc-channel.ts";
import type { GrpcEnd } from "./grpc-channel.ts";
import { waitUntil } from "./wait-until.ts";

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  stops = [];
});

interface Served {
  readonly channel: GrpcChannel;
  readonly time: VirtualTime;
  readonly sessions: Set<ServerHttp2Session>;
  /** Paths asked for. */
  readonly seen: string[];
}

async function serve(answer: (stream: ServerHttp2Stream, body: Buffer) => void): Promise<Served> {
  const server: Http2Server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  const seen: string[] = [];
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => undefined);
  });
  server.on("stream", (stream, headers) => {
    seen.push(String(headers[":path"]));
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, Buffer.concat(chunks)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const time = new VirtualTime();
  const { port } = server.address() as AddressInfo;
  const channel = new GrpcChannel({ address: { host: "127.0.0.1", port }, clock: time });
  stops.push(async () => {
    channel.close();
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { channel, time, sessions, seen };
}

/** Calls until the connection is up, and returns with the call under way; calls before that are unsent at once. */
async function begun({ channel, time }: Served): Promise<{ readonly ends: GrpcEnd[] }> {
  let ends: GrpcEnd[] = [];
  await waitUntil("a call is under way", () => {
    const told: GrpcEnd[] = [];
    channel.call("/p.S/M", Uint8Array.of(1, 2, 3), 1000, (end) => told.push(end));
    ends = told;
    if (told.length === 0) return true;
    assert.deepEqual(told, [{ kind: "unsent" }]);
    time.after(60, () => undefined);
    return !time.step(); // Past the pause between connections.
  });
  return { ends };
}

async function called(served: Served): Promise<GrpcEnd> {
  const { ends } = await begun(served);
  await waitUntil("the call ends", () => ends.length > 0);
  const [end] = ends;
  assert.ok(end !== undefined);
  return end;
}

function respond(stream: ServerHttp2Stream, body: Uint8Array, trailers: Record<string, string>): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}

test("the message goes out with its length before it, and the answer comes back without", async () => {
  const served = await serve((stream, body) => respond(stream, body, { "grpc-status": "0" }));
  const end = await called(served);
  assert.deepEqual(end.kind === "answer" && [...end.message], [1, 2, 3]);
  assert.deepEqual(served.seen, ["/p.S/M"]);
});

test("an error comes in the trailers, or at once in the headers, with its message decoded", async () => {
  const late = await serve((stream) =>
    respond(stream, new Uint8Array(0), { "grpc-status": "8", "grpc-message": "a%20b" }),
  );
  assert.deepEqual(await called(late), { kind: "error", status: 8, message: "a b" });
  const early = await serve((stream) =>
    stream.respond({ ":status": 200, "grpc-status": "14", "grpc-message": "no%" }, { endStream: true }),
  );
  assert.deepEqual(await called(early), { kind: "error", status: 14, message: "no%" });
});

test("an answer without a status, or shorter than it says, is lost", async () => {
  const silentEnd = await serve((stream, body) => {
    stream.respond({ ":status": 200 });
    stream.end(body);
  });
  assert.deepEqual(await called(silentEnd), { kind: "lost" });
  const short = await serve((stream) => respond(stream, Uint8Array.of(0, 0, 0, 0, 9, 1), { "grpc-status": "0" }));
  assert.deepEqual(await called(short), { kind: "lost" });
});

test("a connection that ends under a call loses it; the next call makes a new one", async () => {
  let drop = true;
  const served = await serve((stream, body) => {
    if (drop) for (const session of served.sessions) session.destroy();
    else respond(stream, body, { "grpc-status": "0" });
  });
  assert.deepEqual(await called(served), { kind: "lost" });
  drop = false;
  assert.equal((await called(served)).kind, "answer");
});

test("a stream that the server refuses was not looked at", async () => {
  const served = await serve((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
  assert.deepEqual(await called(served), { kind: "unsent" });
  assert.equal(served.seen.length, 1);
});

test("silence ends at the deadline, once, and the server hears that it is not wanted", async () => {
  const streams: ServerHttp2Stream[] = [];
  const served = await serve((stream) => streams.push(stream));
  const { ends } = await begun(served);
  await waitUntil("the call is with the server", () => streams.length > 0);
  while (served.time.step());
  assert.deepEqual(ends, [{ kind: "silence" }]);
  await waitUntil("the server has heard", () => streams[0]?.closed === true);
  assert.equal(ends.length, 1);
});

test("a call right after the channel was closed is unsent", async () => {
  const served = await serve((stream, body) => respond(stream, body, { "grpc-status": "0" }));
  await called(served);
  served.channel.close();
  const ends: GrpcEnd[] = [];
  served.channel.call("/p.S/M", new Uint8Array(0), 1000, (end) => ends.push(end));
  assert.deepEqual(ends, [{ kind: "unsent" }]);
});

test("with nobody there, calls are unsent at once", () => {
  const channel = new GrpcChannel({ address: { host: "127.0.0.1", port: 1 }, clock: new VirtualTime() });
  stops.push(() => channel.close());
  const ends: GrpcEnd[] = [];
  channel.call("/p.S/M", new Uint8Array(0), 1000, (end) => ends.push(end));
  assert.deepEqual(ends, [{ kind: "unsent" }]);
});
