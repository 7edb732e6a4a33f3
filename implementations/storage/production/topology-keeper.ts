/**
 * A node's knowledge of topologies: which one it follows, as whom, and its part in deciding the next.
 *
 * The newest topology a node hears of is stored, then prepared for (slots it gains are emptied), then followed, and
 * only then does the node say or refuse anything in its name: a node that crashes does not fall back behind what it
 * said. Whoever knows a newer topology tells whoever speaks of an older one; a node that starts asks.
 *
 * Founding. An empty disk is that of a first start or a lost one, and only the others can tell. A founder with an
 * empty disk asks all other founders. While none follows a topology it writes down that it is ready, and follows the
 * first topology when all others are ready or formed. A founder that served has been ready before, with the others:
 * when it comes back with nothing, at least one of those that hold what it acknowledged is formed and answers so.
 * Then it is not the member it was. It draws a name for its new disk, its life, and asks to be taken in as a new
 * member, and so does everyone else whose id is a member's and whose life is not. The price: a cluster forms when all
 * its founders are up at one time. Of a majority whose disks are lost nothing can be told apart from a new cluster.
 */

import { assert } from "../../foundation/assert.ts";
import type { Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { RebalancePort, RebalanceSettings } from "./rebalance-port.ts";
import type { AgreedTopology, Founding, TopologyData } from "./topologies.ts";
import { foundingData, topologyOf } from "./topologies.ts";
import type { StoredTopology } from "./topology-file.ts";
import { TopologyFile } from "./topology-file.ts";
import type { ElectorState } from "./topology-agreement.ts";
import { acceptElector, ballotAbove, initialElector, prepareElector, Proposal } from "./topology-agreement.ts";
import type { Standing, TopologyMessage } from "./topology-messages.ts";

type StandingMessage = Extract<TopologyMessage, { kind: "topology-standing" }>;

export interface KeeperHooks {
  /** Called with a topology that is stored and not yet followed; it is followed after `done`. */
  prepare(topology: AgreedTopology, number: number, done: () => void): void;
  followed(topology: AgreedTopology, number: number): void;
}

const maxInquiries = 16;

/** Pauses between attempts grow by this factor, up to so many times `retryMs`: a trip may take longer than one. */
const growth = 1.3;
const mostRetries = { founding: 4, deciding: 16 } as const;

export class TopologyKeeper {
  /** Before the next attempt at founding, and at a decision. */
  #foundingPauseMs: Millis;
  #attemptPauseMs: Millis;
  readonly #port: RebalancePort;
  readonly #settings: RebalanceSettings;
  readonly #founding: Founding;
  readonly #hooks: KeeperHooks;
  readonly #file: TopologyFile;
  /** What is stored as the newest topology, built. */
  #known: AgreedTopology | undefined;
  #followed: AgreedTopology | undefined;
  #wanted: TopologyData | undefined;
  #isAdopting = false;
  readonly #inquiries = new Map<number, (from: NodeId, standing: StandingMessage) => void>();
  #goal: TopologyData | undefined;
  #proposal: Proposal | undefined;
  #highestBallot = 0;
  #hasAskedToAccept = false;
  #proposalTimer: Timer | undefined;
  #turn = 0;
  #joinTimer: Timer | undefined;

  constructor(
    port: RebalancePort,
    settings: RebalanceSettings,
    founding: Founding,
    stored: StoredTopology | undefined,
    hooks: KeeperHooks,
  ) {
    this.#port = port;
    this.#settings = settings;
    this.#foundingPauseMs = settings.retryMs / 4;
    this.#attemptPauseMs = settings.retryMs;
    this.#founding = founding;
    this.#hooks = hooks;
    const life = `${port.random.uint32()}-${port.random.uint32()}`;
    const empty = { life, number: 0, topology: undefined, elector: initialElector, proposed: 0 };
    this.#file = new TopologyFile(port, stored ?? empty);
  }

  /** The topology that is followed. */
  get topology(): AgreedTopology | undefined {
    return this.#followed;
  }

  /** The node's number in the topology that is followed; 0: it is no member of it. */
  get number(): number {
    const { number, life } = this.#file.stored;
    const isMember = this.#followed?.members.some(
      (member) => member.id === this.#port.self && member.number === number && isOf(member.life, life),
    );
    return isMember === true ? number : 0;
  }

  get life(): string {
    return this.#file.stored.life;
  }

  /** Whether what was last proposed may be decided yet, though this node stopped trying. */
  get mayBeDecided(): boolean {
    return this.#hasAskedToAccept;
  }

  start(): void {
    const { topology } = this.#file.stored;
    if (topology === undefined) this.#found();
    else {
      this.#known = topologyOf(topology);
      this.#isAdopting = true;
      this.#prepare();
      for (const id of this.#others(topology)) this.hello(id, 0);
    }
    this.#lookAround();
  }

  receive(from: NodeId, message: TopologyMessage): void {
    switch (message.kind) {
      case "topology-hello":
        this.#answerHello(from, message.nonce);
        return this.observe(from, message.epoch);
      case "topology-standing":
        this.#inquiries.get(message.nonce)?.(from, message);
        return this.observe(from, message.epoch);
      case "topology-ask":
        return this.observe(from, message.epoch);
      case "topology-tell":
        return this.adopt(message.topology);
      case "topology-prepare":
        return this.#onPrepare(from, message.epoch, message.ballot);
      case "topology-promise":
        return this.#onPromise(message);
      case "topology-accept":
        return this.#onAccept(from, message);
      case "topology-accepted":
        if (this.#isCurrent(message.epoch)) this.#onAccepted(message.number, message.ballot);
        return;
      case "topology-refuse":
        this.#highestBallot = Math.max(this.#highestBallot, message.promised);
        return;
      case "topology-join":
      case "topology-poll":
      case "topology-progress":
      case "slots-pull":
      case "slots-pulled":
        return; // For the driver and the transfer.
    }
  }

  /** Sends, also to this node. */
  send(to: NodeId, message: TopologyMessage): void {
    if (to === this.#port.self) this.receive(to, message);
    else this.#port.send(to, message);
  }

  /** `from` spoke of `epoch`: tells it what it does not know, or asks what this node does not. */
  observe(from: NodeId, epoch: number): void {
    if (from === this.#port.self) return;
    const own = this.#file.stored.topology;
    if (own !== undefined && epoch < own.epoch) this.#port.send(from, { kind: "topology-tell", topology: own });
    else if (epoch > this.#newestEpoch()) {
      this.#port.send(from, { kind: "topology-ask", epoch: own?.epoch ?? 0 });
    }
  }

  /** Follows `data`, which was decided, when it is newer than what this node knows. */
  adopt(data: TopologyData): void {
    if (data.epoch <= this.#newestEpoch()) return;
    this.#wanted = data;
    if (!this.#isAdopting) this.#storeWanted();
  }

  /**
   * Asks nodes where they stand, by `hello(id, nonce)` with the nonce returned, until `endInquiry`.
   *
   * @param onStanding gets each answer; a node may answer several times.
   */
  inquire(onStanding: (from: NodeId, standing: StandingMessage) => void): number {
    assert(this.#inquiries.size < maxInquiries, "inquiries are ended");
    const nonce = this.#port.random.uint32() + 1;
    this.#inquiries.set(nonce, onStanding);
    return nonce;
  }

  endInquiry(nonce: number): void {
    this.#inquiries.delete(nonce);
  }

  hello(to: NodeId, nonce: number): void {
    this.send(to, { kind: "topology-hello", nonce, epoch: this.#file.stored.topology?.epoch ?? 0 });
  }

  /** Tries to have `data` decided until something is, or `withdraw`. What is decided is followed. */
  propose(data: TopologyData): void {
    const isNew = this.#goal === undefined;
    this.#goal = data;
    if (!isNew) return;
    this.#attemptPauseMs = this.#settings.retryMs;
    this.#hasAskedToAccept = false;
    this.#attempt();
  }

  /** Stops trying; what was proposed may still be decided. */
  withdraw(): void {
    this.#goal = undefined;
    this.#proposal = undefined;
    this.#proposalTimer?.cancel();
  }

  // Founding and joining.

  #found(): void {
    const isLost = this.#founding.isOver === true && this.#file.stored.number === 0;
    if (isLost || !this.#founding.members.includes(this.#port.self)) return;
    const others = this.#founders();
    const standings = new Map<NodeId, Standing>();
    const nonce = this.inquire((from, { standing }) => standings.set(from, standing));
    const ask = (): void => {
      this.endInquiry(nonce);
      if (this.#newestEpoch() > 0) return;
      const answers = others.map((id) => standings.get(id));
      if (this.#file.stored.number > 0 && answers.every((standing) => standing === "ready" || standing === "formed")) {
        return this.adopt(foundingData(this.#founding));
      }
      if (answers.every((standing) => standing === "ready" || standing === "empty")) this.#becomeReady();
      this.#found();
    };
    for (const id of others) this.hello(id, nonce);
    this.#port.clock.after(this.#foundingPauseMs, ask);
    // Answers that take longer than the pause count for nothing, so the pause grows until they do not.
    this.#foundingPauseMs = Math.min(this.#foundingPauseMs * growth, mostRetries.founding * this.#settings.retryMs);
  }

  /**
   * Asks one node after the other, for ever and seldom, where it stands: a member that missed its removal hears of it,
   * and so does a node that is no founder and has lost the disk with which it was a member.
   */
  #lookAround(): void {
    const { topology } = this.#file.stored;
    const others = topology === undefined ? this.#founders() : this.#others(topology);
    const to = others[this.#turn++ % others.length];
    if (to !== undefined) this.hello(to, 0);
    this.#port.clock.after(this.#settings.driverTimeoutMs, () => this.#lookAround());
  }

  #founders(): readonly NodeId[] {
    return this.#founding.members.filter((id) => id !== this.#port.self);
  }

  #becomeReady(): void {
    const founder = foundingData(this.#founding).members.find(({ id }) => id === this.#port.self);
    this.#file.write((stored) => {
      if (stored.number > 0 || stored.topology !== undefined) return undefined;
      return { ...stored, number: founder!.number };
    });
  }

  /** As long as the node's id is that of a member that it is not, it asks the members, one after the other. */
  #askToJoin(): void {
    const topology = this.#followed;
    this.#joinTimer?.cancel();
    if (topology === undefined || this.number > 0) return;
    if (!topology.data.members.some(({ id }) => id === this.#port.self)) return;
    const others = this.#others(topology.data);
    const to = others[this.#turn++ % others.length];
    if (to === undefined) return;
    this.hello(to, 0);
    this.send(to, { kind: "topology-join", life: this.life });
    this.#joinTimer = this.#port.clock.after(this.#settings.retryMs, () => this.#askToJoin());
  }

  #answerHello(to: NodeId, nonce: number): void {
    const { topology, number, life } = this.#file.stored;
    const standing = topology !== undefined ? "formed" : number > 0 ? "ready" : "empty";
    const epoch = this.#followed?.epoch ?? 0;
    this.send(to, { kind: "topology-standing", nonce, epoch, standing, number, life });
  }

  // Following.

  #newestEpoch(): number {
    return Math.max(this.#wanted?.epoch ?? 0, this.#file.stored.topology?.epoch ?? 0);
  }

  #storeWanted(): void {
    const data = this.#wanted;
    assert(data !== undefined, "a topology is wanted");
    this.#isAdopting = true;
    this.#file.write(
      (stored) => ({ ...stored, topology: data, number: this.#numberIn(data), elector: initialElector }),
      () => {
        this.#known = topologyOf(data);
        this.#hasAskedToAccept = false;
        if (this.#goal !== undefined && this.#goal.epoch <= data.epoch) this.withdraw();
        this.#prepare();
      },
      () => this.#port.clock.after(this.#settings.retryMs, () => this.#storeWanted()),
    );
  }

  #prepare(): void {
    const topology = this.#known;
    assert(topology !== undefined, "a topology is known");
    this.#hooks.prepare(topology, this.#file.stored.number, () => this.#follow(topology));
  }

  #follow(topology: AgreedTopology): void {
    if ((this.#wanted?.epoch ?? 0) > topology.epoch) return this.#storeWanted();
    this.#isAdopting = false;
    this.#followed = topology;
    const { number } = this;
    this.#port.trace(topologyEvent(topology));
    this.#port.onTopology(topology, number);
    this.#hooks.followed(topology, number);
    this.#askToJoin();
  }

  /** A newcomer is known by its life; everyone else keeps the number it has. */
  #numberIn(data: TopologyData): number {
    const { self } = this.#port;
    const { life, number } = this.#file.stored;
    return data.members.find((member) => member.id === self && member.life === life)?.number ?? number;
  }

  #others({ members, before }: TopologyData): readonly NodeId[] {
    const ids = new Set([...members, ...before].map(({ id }) => id));
    ids.delete(this.#port.self);
    return [...ids];
  }

  // Voting.

  #onPrepare(from: NodeId, epoch: number, ballot: number): void {
    if (!this.#isElectorOf(epoch)) return this.observe(from, epoch);
    this.#vote(
      from,
      epoch,
      (elector) => prepareElector(elector, ballot),
      () => {
        const { number, elector } = this.#file.stored;
        this.send(from, { kind: "topology-promise", epoch, ballot, number, accepted: elector.accepted });
      },
    );
  }

  #onAccept(from: NodeId, { epoch, accepted }: Extract<TopologyMessage, { kind: "topology-accept" }>): void {
    if (!this.#isElectorOf(epoch)) return this.observe(from, epoch);
    this.#vote(
      from,
      epoch,
      (elector) => acceptElector(elector, accepted),
      () => {
        this.send(from, {
          kind: "topology-accepted",
          epoch,
          ballot: accepted.ballot,
          number: this.#file.stored.number,
        });
      },
    );
  }

  #vote(
    from: NodeId,
    epoch: number,
    step: (elector: ElectorState) => ElectorState | undefined,
    reply: () => void,
  ): void {
    this.#file.write(
      (stored) => {
        const elector = stored.topology?.epoch === epoch ? step(stored.elector) : undefined;
        return elector && { ...stored, elector };
      },
      reply,
      () => this.send(from, { kind: "topology-refuse", epoch, promised: this.#file.stored.elector.promised }),
    );
  }

  #isElectorOf(epoch: number): boolean {
    const { self } = this.#port;
    const { number } = this.#file.stored;
    if (this.#known?.epoch !== epoch) return false;
    return this.#known.electors.some((elector) => elector.id === self && elector.number === number);
  }

  // Proposing.

  #attempt(): void {
    const goal = this.#goal;
    const topology = this.#followed;
    if (goal === undefined || topology === undefined) return;
    this.#proposalTimer?.cancel();
    const delayMs = this.#attemptPauseMs * (1 + this.#port.random.float());
    this.#attemptPauseMs = Math.min(this.#attemptPauseMs * growth, mostRetries.deciding * this.#settings.retryMs);
    this.#proposalTimer = this.#port.clock.after(delayMs, () => this.#attempt());
    if (this.number === 0 || goal.epoch !== topology.epoch + 1 || this.#isAdopting) return;
    this.#proposal = undefined;
    const { number } = this;
    let ballot = 0;
    this.#file.write(
      // Chosen when its turn to be written comes: one that waits behind a slow disk must not get the same ballot.
      (stored) => {
        if (stored.topology?.epoch !== topology.epoch) return undefined;
        ballot = ballotAbove(Math.max(this.#highestBallot, stored.proposed, stored.elector.promised), number);
        return { ...stored, proposed: ballot };
      },
      () => this.#ask(new Proposal(topology.electors, ballot, goal), topology),
    );
  }

  #ask(proposal: Proposal, topology: AgreedTopology): void {
    if (this.#goal?.epoch !== topology.epoch + 1) return;
    this.#proposal = proposal;
    for (const { id } of topology.electors) {
      this.send(id, { kind: "topology-prepare", epoch: topology.epoch, ballot: proposal.ballot });
    }
  }

  #onPromise(message: Extract<TopologyMessage, { kind: "topology-promise" }>): void {
    const proposal = this.#proposal;
    const { epoch, number, ballot, accepted } = message;
    if (proposal === undefined || !this.#isCurrent(epoch)) return;
    if (!proposal.onPromise(number, ballot, accepted)) return;
    const { value } = proposal;
    this.#hasAskedToAccept = true;
    for (const { id } of this.#followed!.electors) {
      this.send(id, { kind: "topology-accept", epoch, accepted: { ballot, value } });
    }
  }

  #onAccepted(number: number, ballot: number): void {
    const proposal = this.#proposal;
    if (proposal?.onAccepted(number, ballot) !== true) return;
    const { value } = proposal;
    const told = new Set([...this.#others(value), ...this.#others(this.#followed!.data)]);
    for (const id of told) this.send(id, { kind: "topology-tell", topology: value });
    this.adopt(value);
  }

  #isCurrent(epoch: number): boolean {
    return this.#followed?.epoch === epoch;
  }
}

function isOf(memberLife: string, life: string): boolean {
  return memberLife === "" || memberLife === life;
}

function topologyEvent(topology: AgreedTopology): Parameters<RebalancePort["trace"]>[0] {
  const { epoch, isChanging, data } = topology;
  const members = data.members.map(({ id }) => id);
  const outgoing = data.before.map(({ id }) => id).filter((id) => !members.includes(id));
  return { kind: "topology", epoch, members, outgoing, isChanging };
}
