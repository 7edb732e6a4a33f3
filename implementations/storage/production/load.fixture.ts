/** Clients whose values are unique, and faults that come and go, for a `StoreWorld`. */

import type { Random } from "../../foundation/effects.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { Millis } from "../../foundation/units.ts";
import type { QuorumLevel, StorageOperation } from "../contract.ts";
import type { StoreWorld, WorldNode } from "./store-world.fixture.ts";

export interface LoadOptions {
  readonly clients: number;
  readonly keys: number;
  /** Per client. */
  readonly operations: number;
  readonly levels: readonly QuorumLevel[];
}

export interface Load {
  /** Final reads that were not answered. */
  unread: number;
  /** Reads every key at majority, on every node. */
  readAll(): void;
}

export function runClients(world: StoreWorld, options: LoadOptions): Load {
  const random = world.random.fork("clients");
  /** What clients believe a key holds, so that swaps have a chance. */
  const believed = new Map<string, string | null>();
  for (let session = 1; session <= options.clients; session++) {
    runClient(world, options, session, random.fork(String(session)), believed);
  }
  const load: Load = {
    unread: 0,
    readAll: () => {
      for (const key of world.histories.keys()) {
        for (const node of world.nodes) {
          load.unread++;
          readUntilAnswered(world, node, key, 0, load);
        }
      }
    },
  };
  return load;
}

function readUntilAnswered(world: StoreWorld, node: WorldNode, key: string, attempt: number, load: Load): void {
  const request = { session: 1000, sequence: attempt + 1, operation: { kind: "get", key, level: "majority" } } as const;
  world.request(node, request, 400, (reply) => {
    if (reply?.kind === "ok") load.unread--;
    else if (attempt < 5) readUntilAnswered(world, node, key, attempt + 1, load);
  });
}

function runClient(
  world: StoreWorld,
  options: LoadOptions,
  session: number,
  random: Random,
  believed: Map<string, string | null>,
): void {
  let sequence = 0;
  const next = (): void => {
    if (sequence >= options.operations) return;
    sequence++;
    const operation = drawOperation(options, random, believed, `s${session}.${sequence}`);
    const node = world.nodes[random.below(world.nodes.length)]!;
    world.request(node, { session, sequence, operation }, 300, (reply) => {
      if (reply?.kind === "ok") {
        const { result } = reply;
        if (result.kind === "get") believed.set(operation.key, result.value);
        else if (operation.kind === "put") believed.set(operation.key, operation.value);
        else if (operation.kind === "cas") believed.set(operation.key, operation.to);
        else believed.set(operation.key, null);
      }
      world.time.after(random.float() * 40, next);
    });
  };
  world.time.after(20 + random.float() * 20, next);
}

function drawOperation(
  { keys, levels }: LoadOptions,
  random: Random,
  believed: ReadonlyMap<string, string | null>,
  value: string,
): StorageOperation {
  const key = `key ${random.below(keys)}`;
  const level = levels[random.below(levels.length)]!;
  const draw = random.below(10);
  if (draw < 4) return { kind: "get", key, level };
  if (draw < 7) return { kind: "put", key, value, level };
  if (draw < 8) return { kind: "delete", key, level };
  return { kind: "cas", key, from: believed.get(key) ?? null, to: value };
}

/** Lets faults come and go for `durationMs`, then heals everything. */
export function disturb(world: StoreWorld, durationMs: Millis): void {
  const random = world.random.fork("faults");
  const untilMs = world.time.nowMs() + durationMs;
  const next = (): void => {
    if (world.time.nowMs() >= untilMs) {
      for (const node of world.nodes) world.start(node);
      return;
    }
    inject(world, random);
    world.time.after(20 + random.float() * 120, next);
  };
  world.time.after(40, next);
}

function inject(world: StoreWorld, random: Random): void {
  const node = world.nodes[random.below(world.nodes.length)]!;
  const lengthMs = 10 + random.float() * 150;
  const links = world.nodes.flatMap((other) =>
    other === node
      ? []
      : [
          { from: node.member.id, to: other.member.id },
          { from: other.member.id, to: node.member.id },
        ],
  );
  const heal = (fault: FaultHandle): void => void world.time.after(lengthMs, () => fault.heal());
  switch (random.below(7)) {
    case 6:
      // Power is lost everywhere: only what is durable counts.
      for (const each of world.nodes) world.crash(each);
      return void world.time.after(lengthMs, () => world.nodes.forEach((each) => world.start(each)));
    case 0:
      world.crash(node);
      return void world.time.after(lengthMs, () => world.start(node));
    case 1:
      return heal(world.network.cut(links));
    case 2:
      return heal(world.network.cut(links.filter(({ from }) => from === node.member.id)));
    case 3:
      return heal(world.network.packet(links, { kind: "loss", probability: 0.4 }));
    case 4:
      return heal(world.network.packet(links, { kind: "duplicate", probability: 0.5 }));
    default:
      return heal(world.network.packet(links, { kind: "reorder", probability: 0.5, holdMs: 20 }));
  }
}
