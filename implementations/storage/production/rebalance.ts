/**
 * Changes of members while clients go on: the door to agreement on topologies and to the moving of slots.
 *
 * A change is three topologies long: stable with the members before, changing with both, stable with the members
 * after. In the changing one every quorum is one among the replicas before and among those after. Meanwhile members
 * that gain slots pull what the others hold, and only when all of them have everything the last topology is proposed.
 *
 * Why no acknowledged write is lost. Let O be the replicas of a slot before and N those after, and let b be a ballot at
 * which something was chosen in the epoch before, by a majority of O.
 * 1. Epochs in turn meet. Quorums of the changing epoch hold a majority of O and one of N. So whoever prepares in it
 *    hears of b from O, and whoever prepares in the epoch after it hears from N of what was chosen in the changing one;
 *    if the change is abandoned, from O.
 * 2. Whoever knows what was chosen meets every majority, in every stable topology. Right after it was chosen a majority
 *    knows it. Later it may be fewer who know it, who still meet every majority of O: of three replicas two know it,
 *    one of these leaves, and of the two that remain one does. So a majority of N must either be one of O, or contain a
 *    member that pulled. A member pulls from a majority of O, itself counted if it is in it, each of which stored the
 *    changing topology before it answered; one of them knows b or more. If it accepted that, it did so before, and said
 *    so; one that had not never did so afterwards, for it refuses the epoch before, also when it crashes and comes
 *    back. Whoever gains a slot pulls. Where majorities get smaller (of two replicas to one, of four to three) a
 *    majority of those who stay need not be one of O, so they pull as well.
 * 3. What a replica has accepted only ever grows in ballot. Taking over what lies below a promise is safe here and
 *    nowhere else: it makes nothing chosen in the changing epoch, for that takes a majority of O, and a gaining member
 *    is not in O; and what was prepared in the changing epoch must be prepared again in the one that follows, where
 *    replicas refuse the epoch before. Who stays is in O, and takes only what an accept message could bring it; where
 *    a promise stands in the way, a round of the changing epoch brings the key to its quorums first.
 * 4. The same holds of promises: each majority contains somebody who has promised b, or more, once b was prepared. So
 *    promises travel with records, also those of keys of which nothing was accepted. Without, a lower ballot could be
 *    prepared by a majority of N that has never heard of b, and its value be lost when b's is found at one who stayed.
 * 5. A gaining member begins with the slot empty. Tombstones are collected only while nothing changes, with every
 *    replica's consent; floors travel after the records of their slot, so a record that a source collected a moment ago
 *    is covered by the floor that it sends. Nobody holds on to a value from an earlier ownership.
 * 6. A node that lost its disk is not the member it was: it has neither votes nor promises under the old number. It
 *    gains its slots like any newcomer.
 * The members before are the electors of what follows a changing topology, so complete and abandoned cannot both
 * happen.
 *
 * What the replica must do for this: say and refuse nothing in the name of a topology before `onTopology`; refuse every
 * request of an older epoch from then on; restart rounds and forget promises when the epoch changes; answer under its
 * number and count answers by number, not by id (of a node taken in again both numbers are members for a while).
 *
 * @see Ongaro & Ousterhout 2014, section 6 (joint consensus); Lamport, Malkhi & Zhou 2009, "Vertical Paxos and
 *   primary-backup replication"; Rystsov 2018, "CASPaxos", section 2.3 (why a majority has to be read again when the
 *   number of replicas changes).
 */

import type { NodeId } from "../../foundation/units.ts";
import type { AdminCommand } from "../contract.ts";
import type { ChangeDone } from "./change-driver.ts";
import { ChangeDriver } from "./change-driver.ts";
import type { RebalancePort, RebalanceSettings } from "./rebalance-port.ts";
import type { StoredPull } from "./slot-pull.ts";
import type { AgreedTopology, Founding } from "./topologies.ts";
import type { StoredTopology } from "./topology-file.ts";
import { TopologyKeeper } from "./topology-keeper.ts";
import type { TopologyMessage } from "./topology-messages.ts";
import { SlotTransfer } from "./transfer.ts";

/** What a node finds under the names of `RebalancePort.persist`; nothing on an empty disk. */
export interface RebalanceFiles {
  readonly topology: StoredTopology | undefined;
  readonly pull: StoredPull | undefined;
}

export class Rebalance {
  readonly #keeper: TopologyKeeper;
  readonly #transfer: SlotTransfer;
  readonly #driver: ChangeDriver;

  constructor(port: RebalancePort, settings: RebalanceSettings, founding: Founding, files: RebalanceFiles) {
    const transfer = new SlotTransfer(port, settings, files.pull);
    this.#transfer = transfer;
    this.#keeper = new TopologyKeeper(port, settings, founding, files.topology, {
      prepare: (topology, number, done) => transfer.prepare(topology, number, done),
      followed: (topology, number) => this.#followed(topology, number),
    });
    this.#driver = new ChangeDriver(port, settings, this.#keeper, () => transfer.isDone);
  }

  /** Call once, when the node can receive messages and serve the port. */
  start(): void {
    this.#keeper.start();
  }

  receive(from: NodeId, message: TopologyMessage): void {
    this.#keeper.receive(from, message);
    this.#driver.receive(from, message);
    this.#transfer.receive(from, message);
  }

  /** Call when any message names an epoch other than that of `topology`. */
  observe(from: NodeId, epoch: number): void {
    this.#keeper.observe(from, epoch);
  }

  /** See `AdminCommand`; any member can be asked. */
  change(command: AdminCommand, done: ChangeDone): void {
    this.#driver.change(command, done);
  }

  /** The topology that is followed, undefined before there is one. */
  get topology(): AgreedTopology | undefined {
    return this.#keeper.topology;
  }

  /** The node's member number in it, 0 if it is no member. */
  get number(): number {
    return this.#keeper.number;
  }

  /** Whether no change is under way, as far as this node knows. */
  get isSettled(): boolean {
    return this.#keeper.topology?.isChanging === false && this.#keeper.number > 0;
  }

  #followed(topology: AgreedTopology, number: number): void {
    this.#transfer.followed(topology, number);
    this.#driver.followed(topology);
  }
}
