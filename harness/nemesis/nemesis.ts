/**
 * The nemesis: carries out a plan's schedule of faults against a deployment and records what each of them did.
 *
 * Every fault ends healed, at its own end or when the load ends. What a fault did is read from its handle after that:
 * a scheduled fault whose efficacy is 0 was inert, and a run with an inert fault proves nothing.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import type { Efficacy, FaultHandle, FaultKind } from "../../implementations/foundation/faults.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { FaultSpec } from "../plan/plan.ts";
import type { AnyDeployment } from "../rooms/room.ts";
import { resolveFault } from "./resolve-fault.ts";
import type { FaultStep } from "./resolve-fault.ts";

/** A fault that struck. Times are milliseconds since the load began. */
export interface StruckFault {
  readonly spec: FaultSpec;
  readonly target: string;
  readonly nodes: readonly NodeId[];
  readonly startMs: Millis;
  endMs: Millis | undefined;
  /** The leader when it struck, if one was known. */
  readonly leader: NodeId | undefined;
  readonly efficacy: () => Efficacy;
}

export interface NemesisOptions {
  readonly deployment: AnyDeployment;
  readonly faults: readonly FaultSpec[];
  readonly random: Random;
  /** Milliseconds since the load began. */
  readonly elapsedMs: () => Millis;
  readonly onStrike: (struck: StruckFault) => void;
  readonly onEnd?: (struck: StruckFault) => void;
}

const permanentDamage: ReadonlySet<FaultKind> = new Set(["bit-flip", "misdirect", "wipe"] satisfies FaultKind[]);

const membershipKinds: ReadonlySet<FaultKind> = new Set<FaultKind>(faultKinds.membership);

interface Waiting {
  readonly spec: FaultSpec;
  readonly number: number;
}

export class Nemesis {
  readonly #options: NemesisOptions;
  readonly struck: StruckFault[] = [];
  readonly #healers = new Set<() => void>();
  readonly #onOperation: (Waiting & { readonly client: number; readonly count: number })[] = [];
  /** Nodes whose disk was damaged for good. */
  readonly #damaged = new Set<NodeId>();
  #over = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** Places every fault of the schedule. */
  start(): void {
    for (const [number, spec] of this.#options.faults.entries()) {
      const { placement } = spec;
      const strike = (): void => this.#strike({ spec, number });
      if (placement.at === "time") this.#options.deployment.clock.after(placement.ms, strike);
      else if (placement.at === "moment") this.#options.deployment.at(placement.moment, strike);
      else this.#onOperation.push({ spec, number, client: placement.client, count: placement.count });
    }
  }

  /** To be told of every completed operation: some faults wait for one. */
  operationCompleted(client: number, count: number): void {
    for (const waiting of this.#onOperation) {
      if (waiting.client === client && waiting.count === count) this.#strike(waiting);
    }
  }

  /** Ends every fault and lets none begin. */
  healAll(): void {
    this.#over = true;
    for (const heal of this.#healers) heal();
    this.#healers.clear();
  }

  /** Faults of the schedule that never struck, or struck and did nothing. */
  inert(): readonly string[] {
    const struck = new Set(this.struck.map(({ spec }) => spec));
    const missed = this.#options.faults.filter((spec) => !struck.has(spec)).map((spec) => `${spec.kind} never struck`);
    const idle = this.struck
      .filter(({ efficacy }) => efficacy().count === 0)
      .map(({ spec, target }) => `${spec.kind} on ${target} did nothing`);
    return [...missed, ...idle];
  }

  #strike({ spec, number }: Waiting): void {
    if (this.#over) return;
    const { deployment, random, elapsedMs, onStrike } = this.#options;
    const leader = deployment.leader();
    if (spec.target === "dispensable" && !this.#canSpareOne()) return;
    const members = deployment.nodes;
    const damaged = members.filter((node) => this.#damaged.has(node));
    const resolved = resolveFault(spec, members, leader, random.fork(`fault ${number}`), damaged);
    if (permanentDamage.has(spec.kind)) for (const node of resolved.nodes) this.#damaged.add(node);
    const handles: FaultHandle[] = [];
    const struck: StruckFault = {
      spec,
      target: resolved.target,
      nodes: resolved.nodes,
      startMs: elapsedMs(),
      endMs: undefined,
      leader,
      efficacy: () => totalOf(handles),
    };
    this.struck.push(struck);
    onStrike(struck);
    let healed = false;
    const heal = (): void => {
      if (healed) return;
      healed = true;
      struck.endMs = elapsedMs();
      for (const handle of handles) handle.heal();
      this.#healers.delete(heal);
      this.#options.onEnd?.(struck);
    };
    this.#healers.add(heal);
    for (const step of resolved.steps) {
      if (step.afterMs === 0) this.#perform(step, handles);
      else deployment.clock.after(step.afterMs, () => (healed ? undefined : this.#perform(step, handles)));
    }
    deployment.clock.after(spec.durationMs, heal);
  }

  #canSpareOne(): boolean {
    const { deployment } = this.#options;
    if (!deployment.isSettled() || deployment.nodes.some((node) => this.#damaged.has(node))) return false;
    return this.struck.every(({ spec, endMs }) => !membershipKinds.has(spec.kind) || endMs !== undefined);
  }

  #perform(step: FaultStep, handles: FaultHandle[]): void {
    const { action } = step;
    if ("inject" in action) {
      handles.push(this.#options.deployment.inject(action.inject));
    } else if (action.heal === "all") {
      for (const handle of handles) handle.heal();
    } else {
      const handle = handles[action.heal];
      assert(handle !== undefined, "a step heals an earlier one");
      handle.heal();
    }
  }
}

/** The first injection's unit stands for the fault; later ones (the restart that shows the damage) only help it. */
function totalOf(handles: readonly FaultHandle[]): Efficacy {
  const all = handles.map((handle) => handle.efficacy());
  const unit = all[0]?.unit ?? "faults";
  const count = all.filter((efficacy) => efficacy.unit === unit).reduce((sum, efficacy) => sum + efficacy.count, 0);
  return { count, unit };
}
