/**
 * Whoever drives a change of members: from what an operator asks to the topology in which it is so.
 *
 * A request. The member that is asked makes sure that its topology is the newest, asks newcomers for their lives, and
 * proposes a changing topology. From then on the change does not depend on it: it asks all members again and again how
 * far they are, and everyone watches that somebody does. When nobody does for a while, another member begins to, first
 * the one with the lowest number. Two that drive at a time do no harm, since what follows is agreed upon.
 *
 * The end. When every member that gains slots has said that it holds them, the stable topology of the members after is
 * proposed; nothing but these answers makes it safe. When a gaining member has lost the disk it was taken in with, or
 * does not answer for `changeTimeoutMs`, that of the members before is: at any moment it is as safe, because every
 * quorum of the changing epoch contains one of the old members.
 *
 * A member that asks to be taken in again (topology-keeper.ts) is a change to the same nodes with one new life.
 *
 * One request at a time; another one is turned away with CHANGE_UNDER_WAY, unless what it wants is what is under way.
 */

import { assert } from "../../foundation/assert.ts";
import type { Timer } from "../../foundation/effects.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { AdminCommand } from "../contract.ts";
import type { RebalancePort, RebalanceSettings } from "./rebalance-port.ts";
import type { AgreedTopology, ChangingTopology, TopologyMember } from "./topologies.ts";
import { abandonedData, changingData, completedData, isSameNodes, nextStep } from "./topologies.ts";
import type { TopologyKeeper } from "./topology-keeper.ts";
import type { TopologyMessage } from "./topology-messages.ts";
import { neededOf } from "./topology.ts";

/** Undefined: the members asked for are in force. */
export type ChangeDone = (error: ErrorCode | undefined) => void;

interface ChangeRequest {
  readonly goal: readonly NodeId[];
  readonly waiting: ChangeDone[];
  /** The nodes of the change that was proposed last, on the way to the goal. */
  step: readonly NodeId[] | undefined;
  /** Changes completed for it so far. */
  steps: number;
  inquiry: number | undefined;
  timer: Timer | undefined;
  deadline: Timer | undefined;
}

/** What a gaining member has said. */
interface Contact {
  heardAtMs: Millis;
  isDone: boolean;
  isGone: boolean;
}

const maxWaiting = 16;

export class ChangeDriver {
  readonly #port: RebalancePort;
  readonly #settings: RebalanceSettings;
  readonly #keeper: TopologyKeeper;
  readonly #holdsAll: () => boolean;
  #request: ChangeRequest | undefined;
  /** While it drives: the gaining members by number. */
  #contacts: Map<number, Contact> | undefined;
  #pollTimer: Timer | undefined;
  #watchTimer: Timer | undefined;

  /** @param holdsAll whether this node holds every slot it gains in the topology it follows. */
  constructor(port: RebalancePort, settings: RebalanceSettings, keeper: TopologyKeeper, holdsAll: () => boolean) {
    this.#port = port;
    this.#settings = settings;
    this.#keeper = keeper;
    this.#holdsAll = holdsAll;
  }

  /** An operator asks. `done` is called once; not at all when the node stops before. */
  change(command: AdminCommand, done: ChangeDone): void {
    const topology = this.#keeper.topology;
    if (topology === undefined || this.#keeper.number === 0) return done("UNAVAILABLE");
    const { add, remove } = command;
    const present = topology.data.members.map(({ id }) => id);
    const goal = [...new Set([...present, ...add])].filter((id) => !remove.includes(id)).sort();
    if (goal.length === 0 || [...add, ...remove].includes("") || add.some((id) => remove.includes(id))) {
      return done("MALFORMED_REQUEST");
    }
    const request = this.#request;
    if (request !== undefined && isSameNodes(request.goal, goal) && request.waiting.length < maxWaiting) {
      request.waiting.push(done);
      return;
    }
    if (request !== undefined || (topology.isChanging && !isSameNodes(present, goal))) return done("CHANGE_UNDER_WAY");
    const step = topology.isChanging ? goal : undefined;
    this.#request = {
      goal,
      waiting: [done],
      step,
      steps: 0,
      inquiry: undefined,
      timer: undefined,
      deadline: undefined,
    };
    if (!topology.isChanging) this.#advance(topology);
  }

  /** The node follows `topology` from now on. */
  followed(topology: AgreedTopology): void {
    this.#pollTimer?.cancel();
    this.#watchTimer?.cancel();
    this.#contacts = undefined;
    this.#pause();
    const request = this.#request;
    const ids = topology.data.members.map(({ id }) => id);
    if (topology.isChanging) {
      const isOurs = request?.step !== undefined && isSameNodes(ids, request.step);
      if (request !== undefined && !isOurs && !isSameNodes(ids, request.goal)) this.#end("CHANGE_UNDER_WAY");
      if (isOurs) this.#drive(topology);
      else this.#watch(topology);
      return;
    }
    if (request === undefined) return;
    const { step } = request;
    if (step !== undefined && !isSameNodes(ids, step)) return this.#end(this.#failure(request));
    if (step !== undefined) request.steps++;
    this.#advance(topology);
  }

  receive(from: NodeId, message: TopologyMessage): void {
    const topology = this.#keeper.topology;
    if (message.kind === "topology-join") return this.#onJoin(from, message.life);
    if (message.kind !== "topology-poll" && message.kind !== "topology-progress") return;
    if (topology?.epoch !== message.epoch) return this.#keeper.observe(from, message.epoch);
    if (!topology.isChanging) return;
    if (message.kind === "topology-poll") this.#onPoll(from, message.number, topology);
    else this.#onProgress(from, message, topology);
  }

  // From a request to a changing topology.

  #advance(topology: AgreedTopology): void {
    const request = this.#request;
    assert(request !== undefined && !topology.isChanging, "a request goes on from a stable topology");
    this.#pause();
    request.deadline = this.#port.clock.after(this.#settings.changeTimeoutMs, () => this.#end(this.#failure(request)));
    this.#settle(request, topology, () => {
      const { data } = topology;
      const ids = data.members.map(({ id }) => id);
      if (isSameNodes(ids, request.goal)) return this.#end(undefined);
      const step = nextStep(data, request.goal, this.#port.self);
      this.#meet(
        request,
        step.filter((id) => !ids.includes(id)),
        (lives) => this.#propose(topology, step, lives),
      );
    });
  }

  /**
   * Waits until a majority of the members follow `topology`: then it is in force, and it is the newest, for its
   * successor would have been decided, and its change completed, by a majority that had left it.
   */
  #settle(request: ChangeRequest, topology: AgreedTopology, done: () => void): void {
    const { members } = topology;
    const agreeing = new Set<number>();
    const ids = members.map(({ id }) => id);
    this.#inquire(request, ids, (from, { epoch, number }) => {
      if (epoch === topology.epoch && members.some((member) => member.id === from && member.number === number)) {
        agreeing.add(number);
      }
      if (agreeing.size >= neededOf(members.length, "majority")) done();
    });
  }

  /** Asks `newcomers` for their lives. */
  #meet(
    request: ChangeRequest,
    newcomers: readonly NodeId[],
    done: (lives: ReadonlyMap<NodeId, string>) => void,
  ): void {
    const lives = new Map<NodeId, string>();
    if (newcomers.length === 0) return done(lives);
    this.#inquire(request, newcomers, (from, { life }) => {
      if (newcomers.includes(from)) lives.set(from, life);
      if (lives.size === newcomers.length) done(lives);
    });
  }

  #propose(topology: AgreedTopology, step: readonly NodeId[], lives: ReadonlyMap<NodeId, string>): void {
    const request = this.#request;
    assert(request !== undefined, "somebody asked for the change");
    this.#endInquiry(request);
    const data = changingData(topology.data, step, lives);
    if (data === undefined) return this.#end("CAPACITY_EXCEEDED");
    request.step = step;
    this.#keeper.propose(data);
  }

  #inquire(request: ChangeRequest, ids: readonly NodeId[], onStanding: Parameters<TopologyKeeper["inquire"]>[0]): void {
    this.#endInquiry(request);
    const nonce = this.#keeper.inquire((from, standing) => {
      if (request.inquiry === nonce) onStanding(from, standing);
    });
    request.inquiry = nonce;
    const ask = (): void => {
      request.timer = this.#port.clock.after(this.#settings.retryMs, ask);
      for (const id of ids) if (request.inquiry === nonce) this.#keeper.hello(id, nonce);
    };
    ask();
  }

  #endInquiry(request: ChangeRequest): void {
    if (request.inquiry !== undefined) this.#keeper.endInquiry(request.inquiry);
    request.inquiry = undefined;
    request.timer?.cancel();
  }

  #pause(): void {
    if (this.#request === undefined) return;
    this.#endInquiry(this.#request);
    this.#request.deadline?.cancel();
  }

  #end(error: ErrorCode | undefined): void {
    const request = this.#request;
    this.#pause();
    if (this.#keeper.topology?.isChanging === false) this.#keeper.withdraw();
    this.#request = undefined;
    for (const done of request?.waiting ?? []) done(error);
  }

  /** A change that took steps, or may yet be decided, did not fail for certain. */
  #failure({ steps }: ChangeRequest): ErrorCode {
    const isStable = this.#keeper.topology?.isChanging === false;
    return steps > 0 || (isStable && this.#keeper.mayBeDecided) ? "PROPOSAL_DROPPED" : "UNAVAILABLE";
  }

  /** `id` has the place of a member and not its disk: it takes that place as a new member. */
  #onJoin(id: NodeId, life: string): void {
    const topology = this.#keeper.topology;
    if (topology === undefined || this.#keeper.number === 0) return;
    const member = topology.data.members.find((candidate) => candidate.id === id);
    if (member === undefined || member.life === life) return;
    if (topology.isChanging) return this.#onGone(member);
    if (this.#request !== undefined) return;
    const goal = topology.data.members.map((other) => other.id);
    this.#request = {
      goal,
      waiting: [],
      step: goal,
      steps: 0,
      inquiry: undefined,
      timer: undefined,
      deadline: this.#port.clock.after(this.#settings.changeTimeoutMs, () => this.#end("UNAVAILABLE")),
    };
    this.#propose(topology, goal, new Map([[id, life]]));
  }

  // From a changing topology to a stable one.

  #drive(topology: ChangingTopology): void {
    this.#watchTimer?.cancel();
    const nowMs = this.#port.clock.nowMs();
    const contacts = topology.pulling().map(({ number }) => {
      return [number, { heardAtMs: nowMs, isDone: false, isGone: false }] as const;
    });
    this.#contacts = new Map(contacts);
    this.#poll(topology);
  }

  #poll(topology: ChangingTopology): void {
    if (this.#contacts === undefined) return;
    this.#pollTimer = this.#port.clock.after(this.#settings.retryMs, () => this.#poll(topology));
    const { epoch } = topology;
    for (const id of new Set(topology.members.map((member) => member.id))) {
      if (id !== this.#port.self) this.#port.send(id, { kind: "topology-poll", epoch, number: this.#keeper.number });
    }
    const own = this.#contacts.get(this.#keeper.number);
    if (own !== undefined) own.heardAtMs = this.#port.clock.nowMs();
    if (own !== undefined) own.isDone = this.#holdsAll();
    this.#judge(topology);
  }

  #onPoll(from: NodeId, number: number, topology: ChangingTopology): void {
    const { epoch } = topology;
    const { life } = this.#keeper;
    const own = this.#keeper.number;
    this.#port.send(from, { kind: "topology-progress", epoch, number: own, life, isDone: this.#holdsAll() });
    const standsBack = this.#contacts !== undefined && this.#request === undefined && number < own;
    if (standsBack) this.#stopDriving();
    if (this.#contacts === undefined) this.#watch(topology);
  }

  #onProgress(
    from: NodeId,
    { number, life, isDone }: Extract<TopologyMessage, { kind: "topology-progress" }>,
    topology: ChangingTopology,
  ): void {
    const member = topology.data.members.find(({ id }) => id === from);
    const contact = member && this.#contacts?.get(member.number);
    if (member === undefined || contact === undefined) return;
    if (number !== member.number || (member.life !== "" && member.life !== life)) contact.isGone = true;
    else {
      contact.heardAtMs = this.#port.clock.nowMs();
      contact.isDone ||= isDone;
    }
    this.#judge(topology);
  }

  #onGone(member: TopologyMember): void {
    const contact = this.#contacts?.get(member.number);
    if (contact !== undefined) contact.isGone = true;
  }

  /** Proposes what follows as soon as that is clear. */
  #judge(topology: ChangingTopology): void {
    if (this.#contacts === undefined) return;
    const contacts = [...this.#contacts.values()];
    const silentSinceMs = this.#port.clock.nowMs() - this.#settings.changeTimeoutMs;
    if (contacts.every(({ isDone }) => isDone)) return this.#keeper.propose(completedData(topology.data));
    const isHopeless = contacts.some(
      ({ isDone, isGone, heardAtMs }) => isGone || (!isDone && heardAtMs < silentSinceMs),
    );
    if (isHopeless) this.#keeper.propose(abandonedData(topology.data));
  }

  #stopDriving(): void {
    this.#contacts = undefined;
    this.#pollTimer?.cancel();
    this.#keeper.withdraw();
  }

  /** Drives the change itself unless somebody else is heard to do so in time; the lowest number waits least. */
  #watch(topology: ChangingTopology): void {
    this.#watchTimer?.cancel();
    const own = this.#keeper.number;
    if (own === 0) return;
    const rank = topology.members.filter(({ number }) => number < own).length;
    const delayMs = this.#settings.driverTimeoutMs * (1 + rank / 2 + this.#port.random.float() / 2);
    this.#watchTimer = this.#port.clock.after(delayMs, () => this.#drive(topology));
  }
}
