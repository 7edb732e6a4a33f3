/**
 * Requests at level one that came to a node which keeps nothing of their key: it passes them on to one that does.
 *
 * A read that is not answered is asked of the next replica after `patienceMs`. A write is not: nobody knows whether the
 * first replica did it, so its outcome is unknown when its time is up.
 */

import type { Request } from "../../foundation/deployment.ts";
import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { StorageOperation, StorageReply } from "../contract.ts";
import type { Message } from "./messages.ts";
import type { Member } from "./topology.ts";

export interface ForwardsPorts {
  readonly clock: Clock;
  readonly patienceMs: Millis;
  readonly maxPending: number;
  send(to: NodeId, message: Message): void;
}

interface Forwarded {
  readonly request: Request<StorageOperation>;
  readonly replicas: readonly Member[];
  readonly dueAtMs: Millis;
  readonly done: (reply: StorageReply) => void;
  tried: number;
  timer: Timer | undefined;
}

export class Forwards {
  readonly #ports: ForwardsPorts;
  readonly #pending = new Map<number, Forwarded>();
  #nextId = 1;

  constructor(ports: ForwardsPorts) {
    this.#ports = ports;
  }

  get pending(): number {
    return this.#pending.size;
  }

  forward(
    request: Request<StorageOperation>,
    replicas: readonly Member[],
    deadlineMs: Millis,
    done: (reply: StorageReply) => void,
  ): void {
    if (this.#pending.size >= this.#ports.maxPending) return done({ kind: "error", code: "OVERLOADED" });
    const id = this.#nextId++;
    const dueAtMs = this.#ports.clock.nowMs() + deadlineMs;
    const forwarded: Forwarded = { request, replicas, dueAtMs, done, tried: 0, timer: undefined };
    this.#pending.set(id, forwarded);
    this.#try(id, forwarded);
  }

  answered(id: number, reply: StorageReply): void {
    const forwarded = this.#pending.get(id);
    if (forwarded === undefined) return;
    this.#pending.delete(id);
    forwarded.timer?.cancel();
    forwarded.done(reply);
  }

  end(): void {
    for (const { timer } of this.#pending.values()) timer?.cancel();
    this.#pending.clear();
  }

  #try(id: number, forwarded: Forwarded): void {
    const { request, replicas, dueAtMs } = forwarded;
    const { clock, patienceMs } = this.#ports;
    const leftMs = dueAtMs - clock.nowMs();
    const replica = replicas[forwarded.tried++ % replicas.length];
    const isRead = request.operation.kind === "get";
    if (leftMs <= 0 || replica === undefined) {
      return this.answered(id, { kind: "error", code: isRead ? "QUORUM_NOT_MET" : "WRITE_UNCERTAIN" });
    }
    this.#ports.send(replica.id, { kind: "forward", id, ...request, deadlineMs: leftMs });
    const pauseMs = isRead ? Math.min(patienceMs, leftMs) : leftMs;
    forwarded.timer = clock.after(pauseMs, () =>
      isRead || clock.nowMs() >= dueAtMs ? this.#try(id, forwarded) : undefined,
    );
  }
}
