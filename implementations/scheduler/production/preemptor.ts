/** Asks running attempts to make room for waiting ones, by the policy (`preemption-policy.ts`). */

import type { Millis } from "../../foundation/units.ts";
import type { SchedulerEvent } from "../contract.ts";
import type { Attempt, Attempts } from "./attempts.ts";
import type { QueuePort } from "./ports.ts";
import { chooseVictim } from "./preemption-policy.ts";
import type { WaitingTenant } from "./preemption-policy.ts";
import type { QueueShare } from "./shares.ts";

export interface PreemptorPorts {
  readonly queue: QueuePort;
  /** By tenant number; the last one are the guests: tasks of other homes, which have no claim here. */
  readonly shares: readonly QueueShare[];
  readonly quantumMs: Millis;
  readonly attempts: Attempts;
  readonly trace: ((event: SchedulerEvent) => void) | undefined;
}

export class Preemptor {
  readonly #ports: PreemptorPorts;
  /** Attempts that were asked. */
  asked = 0;

  constructor(ports: PreemptorPorts) {
    this.#ports = ports;
  }

  get isOn(): boolean {
    return this.#ports.quantumMs > 0;
  }

  /** To be called now and then while tasks wait. */
  look(nowMs: Millis): void {
    const { attempts, quantumMs, trace } = this.#ports;
    if (!this.isOn || attempts.idleWorkers > 0) return;
    const victim = chooseVictim({
      nowMs,
      quantumMs,
      running: [...attempts.running()].filter(({ canYield, isVoid }) => canYield && !isVoid),
      waiting: this.#waiting(),
      virtualMsOf: (tenant) => this.#virtualMsOf(tenant, nowMs),
    });
    const attempt: Attempt | undefined = victim === undefined ? undefined : attempts.at(victim);
    if (attempt === undefined) return;
    this.asked++;
    attempts.askToYield(attempt, nowMs);
    if (attempt.task !== undefined) trace?.({ kind: "preempting", task: attempt.task.id, token: attempt.token });
  }

  /** The queue charges an attempt when it ends; here it counts as it runs. */
  #virtualMsOf(tenant: number, nowMs: Millis): Millis {
    const { attempts, queue, shares } = this.#ports;
    if (tenant === shares.length - 1) return Infinity;
    let runningMs = 0;
    for (const attempt of attempts.running()) if (attempt.tenant === tenant) runningMs += nowMs - attempt.startedMs;
    return queue.virtualMsOf(tenant) + runningMs / (shares[tenant]?.weight ?? 1);
  }

  /** This home's tenants whose tasks wait, and not for their own quota alone. */
  #waiting(): readonly WaitingTenant[] {
    const { queue, shares } = this.#ports;
    return shares.slice(0, -1).flatMap((_, tenant) => {
      const rank = queue.waitingOf(tenant) === 0 ? undefined : queue.bestRankOf(tenant);
      return rank === undefined ? [] : [{ tenant, rank }];
    });
  }
}
