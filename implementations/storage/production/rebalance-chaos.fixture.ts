/**
 * Everything at once, for a while, from one seed: writes and reads from every node, lost and doubled messages, cuts,
 * crashes, failing writes, lost disks, and operators who want other members. Then calm, and a reckoning.
 *
 * A disk is lost only while every other member has its own: more than a minority of disks is nothing anybody survives.
 */

import { assert } from "../../foundation/assert.ts";
import type { Random } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { TestNode } from "./rebalance.fixture.ts";
import { TestWorld } from "./rebalance.fixture.ts";
import { slotOf } from "./slots.ts";
import { isQuorum } from "./topology.ts";

export interface ChaosCounts {
  operations: number;
  changes: number;
  epochs: number;
  wipes: number;
}

const ids = ["n1", "n2", "n3", "n4", "n5", "n6"];
const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`);

/** How often, on average, each kind of thing happens. */
export interface ChaosPace {
  readonly operateEveryMs: number;
  readonly disturbEveryMs: number;
  readonly changeEveryMs: number;
}

/** Mostly data. */
export const busy: ChaosPace = { operateEveryMs: 12, disturbEveryMs: 250, changeEveryMs: 900 };
/** Mostly politics: everybody wants other members at once, and few live to see it. */
export const quarrelsome: ChaosPace = { operateEveryMs: 200, disturbEveryMs: 60, changeEveryMs: 25 };

/** @throws AssertionError when something acknowledged is lost, or the cluster does not recover. */
export function runChaos(seed: string, forMs: number, pace: ChaosPace): ChaosCounts {
  const chaos = new Chaos(seed);
  chaos.rage(forMs, pace);
  return chaos.reckon();
}

class Chaos {
  readonly #world: TestWorld;
  readonly #random: Random;
  readonly #counts: ChaosCounts = { operations: 0, changes: 0, epochs: 0, wipes: 0 };
  /** The node that lost its disk and is no member yet. */
  #wiped: TestNode | undefined;

  constructor(seed: string) {
    const founders = ids.slice(0, 3 + (Number(seed.replace(/\D/g, "")) % 3));
    this.#world = new TestWorld(seed, { members: founders, replicationFactor: 3, virtualNodes: 64 }, ids);
    this.#random = this.#world.random.fork("chaos");
    assert(
      this.#world.run(3000, () => this.#world.isSettledOn(founders)),
      "the founders find each other",
    );
  }

  rage(forMs: number, pace: ChaosPace): void {
    const { time } = this.#world;
    const endMs = time.nowMs() + forMs;
    const again = (everyMs: number, act: () => void): void => {
      if (time.nowMs() >= endMs) return;
      act();
      time.after(everyMs * (0.5 + this.#random.float()), () => again(everyMs, act));
    };
    again(pace.operateEveryMs, () => this.#operate());
    again(pace.disturbEveryMs, () => this.#disturb());
    again(pace.changeEveryMs, () => this.#change());
    this.#world.run(forMs);
  }

  reckon(): ChaosCounts {
    const world = this.#world;
    world.heal();
    for (const node of world.nodes.values()) node.start();
    const goal = ids.filter((id) => id !== this.#pick(ids));
    const command = { kind: "change", add: goal, remove: ids.filter((id) => !goal.includes(id)) } as const;
    assert(world.changeUntilDone(command, 30_000), "the cluster can be changed once it is left alone");
    assert(
      world.run(5000, () => world.isSettledOn(goal)),
      "all members follow the last topology",
    );
    let left = keys.length;
    for (const key of keys) world.node(goal[0]!).operate(key, undefined, () => left--);
    assert(
      world.run(1000, () => left === 0),
      "every key can be read",
    );
    world.run(1000);
    for (const node of world.nodes.values()) this.#checkPlacement(node, goal[0]!);
    this.#counts.operations = world.completed;
    this.#counts.epochs = world.node(goal[0]!).topology!.epoch;
    return this.#counts;
  }

  /** What is known to be chosen lies with a majority of its replicas and with nobody else. */
  #checkPlacement(node: TestNode, member: NodeId): void {
    const topology = this.#world.node(member).topology!;
    for (const slot of node.records.keys()) {
      const belongs = topology.placementOf(slot).replicas.some(({ id }) => id === node.id);
      assert(belongs, `${node.id} keeps slot ${slot}, which is not its own`);
    }
    for (const [key, words] of this.#world.chosen) {
      const placement = topology.placementOf(slotOf(key));
      const hasIt = (id: NodeId): boolean => {
        const record = this.#world.node(id).records.get(slotOf(key))?.get(key);
        return record !== undefined && words.every((word, index) => record.words[index] === word);
      };
      assert(
        isQuorum(placement, "majority", ({ id }) => hasIt(id)),
        `${key} lies with a majority`,
      );
    }
  }

  #operate(): void {
    const word = this.#random.float() < 0.7 ? `w${this.#world.next()}` : undefined;
    this.#world.node(this.#pick(ids)).operate(this.#pick(keys), word);
  }

  #disturb(): void {
    const world = this.#world;
    const node = world.node(this.#pick(ids));
    if (this.#wiped !== undefined && this.#wiped.number > 0 && this.#wiped.rebalance?.isSettled === true) {
      this.#wiped = undefined;
    }
    const kind = this.#random.below(10);
    if (kind < 3) this.#crash(node);
    else if (kind < 5) world.isolate(node.id);
    else if (kind === 5) world.cut.add(`${node.id}>${this.#pick(ids)}`);
    else if (kind === 6) this.#wipe(node);
    else if (kind === 7) Object.assign(world.weather, this.#drawWeather());
    else world.heal();
  }

  #drawWeather(): Partial<TestWorld["weather"]> {
    return {
      lossProbability: this.#random.float() * 0.2,
      duplicateProbability: this.#random.float() * 0.2,
      writeFailureProbability: this.#random.float() * 0.1,
      delayMs: [0.1, 1 + this.#random.float() * 30],
    };
  }

  #crash(node: TestNode): void {
    node.crash();
    this.#world.time.after(50 + this.#random.float() * 1500, () => node.start());
  }

  #wipe(node: TestNode): void {
    if (this.#wiped !== undefined) return;
    this.#counts.wipes++;
    this.#wiped = node;
    node.wipe();
    this.#world.time.after(50 + this.#random.float() * 500, () => node.start());
  }

  #change(): void {
    const node = this.#world.node(this.#pick(ids));
    const members = node.topology?.data.members.map(({ id }) => id) ?? [];
    const remove = members.filter(() => this.#random.float() < 0.3);
    const add = ids.filter((id) => !members.includes(id) && this.#random.float() < 0.5);
    if (members.length - remove.length + add.length < 3) return;
    node.rebalance?.change({ kind: "change", add, remove }, (error) => {
      if (error === undefined) this.#counts.changes++;
    });
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)]!;
  }
}
