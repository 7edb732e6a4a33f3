/**
 * N-FV-3: as long as two tenants are backlogged on a node, what they are given there, divided by their weights, differs
 * by a bounded amount: the published bound is 100 times the largest task.
 *
 * A tenant is backlogged while it has ready tasks on the node and all of them would fit its quota, some of them in the
 * lane that every worker serves: then nothing but its share keeps it waiting. For each pair, the difference of what
 * both were given since both are backlogged moves within a band whose width is judged. An attempt on the node counts
 * for as long as it ran so far; one that another node executes by what it ran when it has ended.
 *
 * Where no node executes another's tasks and the capacity is enough for whatever W workers run at a time, the bound
 * that start-time fair queueing promises is judged as well. What two backlogged tenants were charged differs by at most
 * 2 W L, with L the longest attempt divided by its tenant's weight, so it moves within 4 W L. What they were given is
 * that without what the attempts in flight were charged in advance, or have run beyond it: at most W of them, L each,
 * at either end. So the band is at most 6 W L wide. An attempt that was lost or expired was charged what nobody saw:
 * with it a new band begins.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 *
 * @see Demers, Keshav & Shenker 1989, "Analysis and simulation of a fair queueing algorithm" (the difference of two
 *   backlogged flows is bounded by their largest packets).
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { TraceCheck } from "./findings.ts";
import type { Governance, TenantShare } from "./governance.ts";
import type { ObservedNode, ObservedTasks } from "./observed-tasks.ts";
import { addTo, excessOf } from "./resources.ts";

/** Of the largest task: as published. */
const publishedBound = 100;
/** Of the workers and the longest attempt divided by its tenant's weight. */
const closeBound = 6;

interface Band {
  readonly sinceMs: Millis;
  /** Of the difference of what both were given, divided by their weights. */
  lowMs: Millis;
  highMs: Millis;
  lastMs: Millis;
  /** The same since the last attempt that was charged what it was not given. */
  close: { readonly sinceMs: Millis; lowMs: Millis; highMs: Millis };
}

interface NodeService {
  lastMs: Millis;
  /** By tenant, divided by its weight, since the node began. */
  readonly givenMs: Map<string, Millis>;
  /** By pair: while both are backlogged. */
  readonly bands: Map<string, Band>;
}

interface Widest {
  /** Times the smaller weight of the pair. */
  readonly widthMs: Millis;
  readonly text: string;
}

export class Fairness implements TraceCheck {
  readonly #tenants: Governance["tenants"];
  readonly #nodes = new Map<NodeId, NodeService>();
  #intervals = 0;
  #largestMs: Millis = 0;
  #widest: Widest = { widthMs: 0, text: "" };
  readonly #areClocksRight: boolean;
  readonly #governance: Governance;
  /** Divided by its tenant's weight. */
  #largestShareMs: Millis = 0;
  #widestClose: Widest = { widthMs: 0, text: "" };
  /** The most that a task holds. */
  readonly #most = { cpuMilli: 0, memoryMb: 0 };

  /** @param areClocksRight whether what a node charges is what passes on the driver's clock. */
  constructor(governance: Governance, areClocksRight: boolean) {
    this.#tenants = governance.tenants;
    this.#governance = governance;
    this.#areClocksRight = areClocksRight;
  }

  observe({ timeMs, node: id, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (this.#tenants.size < 2) return;
    if (event.kind === "start" || event.kind === "stop") {
      this.#nodes.delete(id);
      return;
    }
    const node = tasks.nodeOf(id);
    const service = this.#serviceOf(id, timeMs);
    this.#pass(service, node, timeMs);
    if (event.kind === "ended") {
      this.#largestMs = Math.max(this.#largestMs, event.ranMs);
      const task = tasks.find(event.task);
      const weight = this.#weightOf(task?.accepted?.tenant ?? "");
      this.#largestShareMs = Math.max(this.#largestShareMs, event.ranMs / weight);
      const isElsewhere = task?.admitted !== undefined && task.admitted.executor !== id && event.end !== "lost";
      if (isElsewhere) this.#give(service, task.accepted?.tenant, event.ranMs);
    }
    if (event.kind === "accepted") {
      this.#most.cpuMilli = Math.max(this.#most.cpuMilli, event.cpuMilli);
      this.#most.memoryMb = Math.max(this.#most.memoryMb, event.memoryMb);
    }
    // Before the event is taken in: what was backlogged until now.
    this.#follow(service, node, timeMs);
    const isUnseen = event.kind === "ended" && (event.end === "lost" || event.end === "expired");
    for (const band of isUnseen ? service.bands.values() : []) {
      const differenceMs = band.lastMs;
      band.close = { sinceMs: timeMs, lowMs: differenceMs, highMs: differenceMs };
    }
  }

  result(): CheckResult | undefined {
    if (this.#intervals === 0) return undefined;
    const common = { id: "fairness", count: this.#intervals, unit: "intervals with two backlogged tenants" } as const;
    const { widthMs, text } = this.#widest;
    const times = this.#largestMs === 0 ? 0 : widthMs / this.#largestMs;
    const measured = `${times.toFixed(2)} times the largest task (${this.#largestMs.toFixed(1)} ms)`;
    const closeMs = closeBound * this.#governance.workers * this.#largestShareMs;
    if (this.#isClose() && this.#widestClose.widthMs > closeMs) {
      const { widthMs: differenceMs, text: where } = this.#widestClose;
      const difference = `what they are given, divided by their weights, differs by ${differenceMs.toFixed(1)} ms`;
      const summary = `${where}: ${difference}, allowed are ${closeMs.toFixed(1)} ms`;
      return { ...common, validity: "invalid", summary, counterexample: summary };
    }
    if (times <= publishedBound) {
      const summary = `what two backlogged tenants are given differs by at most ${measured}`;
      return { ...common, validity: "valid", summary };
    }
    const summary = `${text}: what they are given differs by ${measured}, allowed are ${publishedBound}`;
    return { ...common, validity: "invalid", summary, counterexample: summary };
  }

  #serviceOf(id: NodeId, nowMs: Millis): NodeService {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const service = { lastMs: nowMs, givenMs: new Map(), bands: new Map() } as NodeService;
    this.#nodes.set(id, service);
    return service;
  }

  /** What ran on the node until now has been given. */
  #pass(service: NodeService, { id, admitted }: ObservedNode, nowMs: Millis): void {
    const passedMs = nowMs - service.lastMs;
    service.lastMs = nowMs;
    if (passedMs <= 0) return;
    for (const { accepted, admitted: attempt } of admitted) {
      if (attempt?.executor === id) this.#give(service, accepted?.tenant, passedMs);
    }
  }

  #give({ givenMs }: NodeService, tenant: string | undefined, ms: Millis): void {
    const share = tenant === undefined ? undefined : this.#tenants.get(tenant);
    if (tenant === undefined || share === undefined) return;
    givenMs.set(tenant, (givenMs.get(tenant) ?? 0) + ms / share.weight);
  }

  #follow({ bands, givenMs }: NodeService, node: ObservedNode, nowMs: Millis): void {
    const backlogged = this.#backloggedOn(node);
    const pairs = new Set<string>();
    for (const [index, one] of backlogged.entries()) {
      for (const other of backlogged.slice(index + 1)) {
        const pair = `${one} ${other}`;
        pairs.add(pair);
        const differenceMs = (givenMs.get(one) ?? 0) - (givenMs.get(other) ?? 0);
        const band = bands.get(pair);
        if (band === undefined) {
          this.#intervals++;
          const begun = { sinceMs: nowMs, lowMs: differenceMs, highMs: differenceMs };
          bands.set(pair, { ...begun, lastMs: differenceMs, close: { ...begun } });
          continue;
        }
        band.lowMs = Math.min(band.lowMs, differenceMs);
        band.highMs = Math.max(band.highMs, differenceMs);
        band.lastMs = differenceMs;
        band.close.lowMs = Math.min(band.close.lowMs, differenceMs);
        band.close.highMs = Math.max(band.close.highMs, differenceMs);
        this.#widen(node.id, one, other, band, nowMs);
      }
    }
    for (const pair of bands.keys()) if (!pairs.has(pair)) bands.delete(pair);
  }

  #widen(node: NodeId, one: string, other: string, { sinceMs, lowMs, highMs, close }: Band, nowMs: Millis): void {
    const closeMs = close.highMs - close.lowMs;
    if (closeMs > this.#widestClose.widthMs) {
      const text = `${one} and ${other} on ${node} from ${close.sinceMs.toFixed(3)} to ${nowMs.toFixed(3)} ms`;
      this.#widestClose = { widthMs: closeMs, text };
    }
    const weight = Math.min(this.#weightOf(one), this.#weightOf(other));
    const widthMs = (highMs - lowMs) * weight;
    if (widthMs <= this.#widest.widthMs) return;
    const text = `${one} and ${other} on ${node} from ${sinceMs.toFixed(3)} to ${nowMs.toFixed(3)} ms`;
    this.#widest = { widthMs, text };
  }

  /** Whether nothing but shares decides between tenants that are backlogged. */
  #isClose(): boolean {
    const { capacity, workers, isLending } = this.#governance;
    const { cpuMilli, memoryMb } = this.#most;
    const isRoom =
      capacity !== undefined && cpuMilli * workers <= capacity.cpuMilli && memoryMb * workers <= capacity.memoryMb;
    return isRoom && !isLending && this.#areClocksRight;
  }

  #weightOf(tenant: string): number {
    return this.#tenants.get(tenant)?.weight ?? 1;
  }

  /** By name, in order. */
  #backloggedOn({ ready, admitted }: ObservedNode): readonly string[] {
    const open = new Set<string>();
    const held = new Map<string, { cpuMilli: number; memoryMb: number }>();
    for (const { accepted } of admitted) {
      if (accepted === undefined) continue;
      const sum = held.get(accepted.tenant) ?? { cpuMilli: 0, memoryMb: 0 };
      held.set(accepted.tenant, sum);
      addTo(sum, accepted);
    }
    const isShut = new Set<string>();
    for (const { accepted } of ready) {
      const share = accepted === undefined ? undefined : this.#tenants.get(accepted.tenant);
      if (accepted === undefined || share === undefined || isShut.has(accepted.tenant)) continue;
      if (!fits(held.get(accepted.tenant), accepted, share)) isShut.add(accepted.tenant);
      if (accepted.lane < 0) open.add(accepted.tenant);
    }
    return [...open].filter((tenant) => !isShut.has(tenant)).sort();
  }
}

function fits(
  held: { readonly cpuMilli: number; readonly memoryMb: number } | undefined,
  wanted: { readonly cpuMilli: number; readonly memoryMb: number },
  { perNode }: TenantShare,
): boolean {
  const sum = { cpuMilli: held?.cpuMilli ?? 0, memoryMb: held?.memoryMb ?? 0 };
  addTo(sum, wanted);
  return excessOf(sum, perNode) === undefined;
}
