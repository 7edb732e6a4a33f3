/**
 * Searches one partition of a history for a linearization: Wing and Gong's search with Lowe's memoisation.
 *
 * Depth first: place any operation that was called before the first return not yet accounted for, and never enter the
 * same configuration (operations placed, state) twice. A configuration is remembered exactly, not by a hash: all
 * operations that returned before that first return are placed, so it suffices to name that return, which of the
 * operations in flight at it are placed, and which of unknown outcome. That is a few characters where a bitset over
 * the history would be kilobytes.
 *
 * Three things keep the search short without changing its answer. A possible observation is placed at once and never
 * reconsidered: it changes nothing, so no linearization is lost by having it early. Of writers that do the same only
 * the one that returns first is tried. Writers are tried by the time by which they are wanted, and the model's
 * lookahead refuses moves that lead nowhere.
 *
 * @see Wing & Gong 1993, "Testing and verifying concurrent objects"; Lowe 2017, "Testing for linearizability";
 *   Athalye 2017, Porcupine, for the bitset and cache form of the same algorithm.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Operation } from "../history/operations.ts";
import type { Budget } from "./budget.ts";
import { ConfigurationTable, mixBits } from "./configuration-table.ts";
import type { Lookahead, Model } from "./model.ts";

export type SearchResult =
  | { readonly kind: "linearizable"; readonly order: readonly Operation[]; readonly finalStates: readonly string[] }
  /** `blocked` is the operation at whose return every attempt failed that came furthest. */
  | { readonly kind: "not-linearizable"; readonly blocked: Operation }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Returns whether `operations`, sorted by call and judged (model.ts), have a linearization.
 *
 * @param wantedStates how many different final states to look for before answering "linearizable"; default 1.
 */
export function searchLinearization<State>(
  operations: readonly Operation[],
  model: Model<State>,
  budget: Budget,
  wantedStates = 1,
): SearchResult {
  const result = new Search(operations, model, budget, wantedStates).run();
  budget.release();
  return result;
}

interface Move<State> {
  readonly position: number;
  readonly state: State;
  /** Moves are tried in this order, then in that of their returns. */
  readonly deadline: number;
}

interface Frame<State> {
  /** The operation that led here; -1 at the root. */
  readonly position: number;
  /** The frontier before it was placed. */
  readonly frontierBefore: number;
  readonly moves: readonly Move<State>[];
  cursor: number;
}

class Search<State> {
  readonly #operations: readonly Operation[];
  readonly #model: Model<State>;
  readonly #lookahead: Lookahead<State> | undefined;
  readonly #budget: Budget;
  readonly #wantedStates: number;

  /** Positions with a certain outcome, by return; the frontier is the first of them not placed. */
  readonly #byReturn: readonly number[];
  #frontier = 0;
  #furthest = 0;
  readonly #isPlaced: Uint8Array;
  /** Positions of unknown outcome, by call. */
  readonly #uncertain: readonly number[];
  /** Unplaced positions with a certain outcome, linked by call; the last slot is the head. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  /** By position: its bit among those in flight (reused after its return), or among the uncertain ones. */
  readonly #bits: Int32Array;
  /** Two code units of frontier, two of state, then the bits, sixteen to a unit. */
  readonly #configuration: Uint16Array;
  readonly #seen: ConfigurationTable;
  /** Of the bits, kept up to date with them. */
  #bitsHash = 0;
  readonly #stateIds = new Map<string | null, number>();
  readonly #finalStates = new Map<string | null, string>();
  #order: readonly Operation[] = [];

  /** By position: what it does (Model.effectOf), as a number; by effect: the round of moves that last had it. */
  readonly #effects: Int32Array;
  readonly #rounds: Int32Array;
  readonly #moveOfEffect: Int32Array;
  #round = 0;

  constructor(operations: readonly Operation[], model: Model<State>, budget: Budget, wantedStates: number) {
    this.#operations = operations;
    this.#model = model;
    this.#lookahead = model.lookahead?.(operations);
    this.#budget = budget;
    this.#wantedStates = wantedStates;
    const positions = operations.map((_, position) => position);
    const isCertain = (position: number): boolean => this.#at(position).outcome !== "info";
    this.#byReturn = positions.filter(isCertain).sort((a, b) => this.#at(a).return - this.#at(b).return);
    this.#uncertain = positions.filter((position) => !isCertain(position));
    this.#isPlaced = new Uint8Array(operations.length);
    const effects = new Map<string, number>();
    this.#effects = Int32Array.from(operations, (operation) => {
      if (model.isObservation(operation)) return -1;
      const effect = model.effectOf(operation);
      const id = effects.get(effect) ?? effects.size;
      effects.set(effect, id);
      return id;
    });
    this.#rounds = new Int32Array(effects.size);
    this.#moveOfEffect = new Int32Array(effects.size);
    const head = operations.length;
    this.#next = new Int32Array(head + 1).fill(head);
    this.#previous = new Int32Array(head + 1).fill(head);
    for (const position of positions.filter(isCertain)) this.#linkBefore(head, position);
    this.#bits = new Int32Array(operations.length);
    this.#configuration = new Uint16Array(4 + Math.ceil(this.#assignBits() / 16));
    this.#seen = new ConfigurationTable(this.#configuration.length);
  }

  run(): SearchResult {
    const stack: Frame<State>[] = [this.#frame(-1, 0, this.#model.initial)];
    if (this.#isComplete()) this.#recordSuccess(stack, this.#model.initial);
    while (stack.length > 0 && this.#finalStates.size < this.#wantedStates) {
      const frame = stack.at(-1)!;
      const move = frame.moves[frame.cursor++];
      if (move === undefined) {
        stack.pop();
        if (frame.position >= 0) this.#takeBack(frame.position, frame.frontierBefore);
        continue;
      }
      const frontierBefore = this.#frontier;
      this.#place(move.position);
      const state = this.#settle(move.state);
      if (!this.#remember(state)) {
        this.#takeBack(move.position, frontierBefore);
        continue;
      }
      if (!this.#budget.spend(this.#seen.bytesEach)) break;
      stack.push(this.#frame(move.position, frontierBefore, state));
      if (this.#isComplete()) this.#recordSuccess(stack, state);
    }
    return this.#result();
  }

  /** Whoever wants several final states wants them as they are. */
  #settle(state: State): State {
    return this.#wantedStates > 1 ? state : (this.#lookahead?.settle(state) ?? state);
  }

  #result(): SearchResult {
    if (this.#finalStates.size > 0) {
      return { kind: "linearizable", order: this.#order, finalStates: [...this.#finalStates.values()] };
    }
    const reason = this.#budget.exhausted;
    if (reason !== undefined) return { kind: "unknown", reason };
    const blocked = this.#byReturn[this.#furthest];
    assert(blocked !== undefined, "a partition without certain operations is linearizable");
    return { kind: "not-linearizable", blocked: this.#at(blocked) };
  }

  #isComplete(): boolean {
    return this.#frontier === this.#byReturn.length;
  }

  #recordSuccess(stack: readonly Frame<State>[], state: State): void {
    if (this.#finalStates.size === 0) this.#order = stack.slice(1).map((frame) => this.#at(frame.position));
    this.#finalStates.set(this.#model.identity(state), this.#model.describe(state));
  }

  #frame(position: number, frontierBefore: number, state: State): Frame<State> {
    return { position, frontierBefore, moves: this.#moves(state), cursor: 0 };
  }

  /** The operations that can be placed next, most promising first; a single one if it is an observation. */
  #moves(state: State): readonly Move<State>[] {
    const first = this.#byReturn[this.#frontier];
    if (first === undefined) return [];
    const limit = this.#at(first).return;
    const moves: Move<State>[] = [];
    this.#round++;
    const head = this.#operations.length;
    for (let position = this.#next[head]!; position !== head; position = this.#next[position]!) {
      const operation = this.#at(position);
      if (operation.call > limit) break;
      const effect = this.#effects[position]!;
      const twin = effect >= 0 && this.#rounds[effect] === this.#round ? this.#moveOfEffect[effect]! : -1;
      if (twin >= 0 && this.#at(moves[twin]!.position).return < operation.return) continue;
      const next = this.#model.step(state, operation);
      if (next === undefined) continue;
      if (this.#model.isObservation(operation)) return [{ position, state: next, deadline: 0 }];
      if (this.#lookahead?.refuses(state, next, position) === true) continue;
      const move = { position, state: next, deadline: this.#deadlineOf(position, next) };
      if (twin >= 0) moves[twin] = move;
      else this.#addMove(moves, move, effect);
    }
    let hasSpare = false;
    for (const position of this.#uncertain) {
      const operation = this.#at(position);
      if (operation.call > limit) break;
      const effect = this.#effects[position]!;
      if (this.#isPlaced[position] === 1 || this.#rounds[effect] === this.#round) continue;
      const isSpare = this.#lookahead?.isSpare(position) === true;
      if (isSpare && hasSpare) continue;
      const next = this.#model.step(state, operation);
      if (next === undefined || this.#lookahead?.refuses(state, next, position) === true) continue;
      this.#addMove(moves, { position, state: next, deadline: this.#deadlineOf(position, next) }, effect);
      if (isSpare) hasSpare = true;
    }
    if (moves.length > 1) {
      moves.sort((a, b) => a.deadline - b.deadline || this.#at(a.position).return - this.#at(b.position).return);
    }
    return moves;
  }

  #addMove(moves: Move<State>[], move: Move<State>, effect: number): void {
    this.#rounds[effect] = this.#round;
    this.#moveOfEffect[effect] = moves.length;
    moves.push(move);
  }

  #deadlineOf(position: number, next: State): number {
    return this.#lookahead?.deadlineOf(position, next) ?? this.#at(position).return;
  }

  #place(position: number): void {
    this.#isPlaced[position] = 1;
    this.#lookahead?.place(position);
    this.#flipBit(position);
    if (this.#at(position).outcome === "info") return;
    this.#next[this.#previous[position]!] = this.#next[position]!;
    this.#previous[this.#next[position]!] = this.#previous[position]!;
    for (;;) {
      const first = this.#byReturn[this.#frontier];
      if (first === undefined || this.#isPlaced[first] === 0) break;
      this.#flipBit(first); // It is no longer in flight: the frontier itself says that it is placed.
      this.#frontier++;
    }
    if (this.#frontier > this.#furthest) this.#furthest = this.#frontier;
  }

  #takeBack(position: number, frontierBefore: number): void {
    while (this.#frontier > frontierBefore) this.#flipBit(this.#byReturn[--this.#frontier]!);
    this.#isPlaced[position] = 0;
    this.#lookahead?.takeBack(position);
    this.#flipBit(position);
    if (this.#at(position).outcome === "info") return;
    // Operations are taken back in the reverse order of their placing, so its neighbours are those it had.
    this.#next[this.#previous[position]!] = position;
    this.#previous[this.#next[position]!] = position;
  }

  /** Returns whether the configuration that has been reached is new. */
  #remember(state: State): boolean {
    const identity = this.#model.identity(state);
    let id = this.#stateIds.get(identity);
    if (id === undefined) {
      id = this.#stateIds.size;
      this.#stateIds.set(identity, id);
    }
    const units = this.#configuration;
    units[0] = this.#frontier;
    units[1] = this.#frontier >>> 16;
    units[2] = id;
    units[3] = id >>> 16;
    return this.#seen.add(units, mixBits(this.#bitsHash ^ mixBits(this.#frontier) ^ mixBits(~id)));
  }

  #flipBit(position: number): void {
    const bit = this.#bits[position]!;
    this.#configuration[4 + (bit >>> 4)]! ^= 1 << (bit & 15);
    this.#bitsHash ^= mixBits(bit + 0x9e3779b9);
  }

  /** Gives operations in flight together different bits, uncertain ones their own; returns how many bits there are. */
  #assignBits(): number {
    const free: number[] = [];
    let width = 0;
    let returned = 0;
    for (let position = 0; position < this.#operations.length; position++) {
      const { call, outcome } = this.#at(position);
      if (outcome === "info") continue;
      for (; returned < this.#byReturn.length; returned++) {
        const earlier = this.#byReturn[returned]!;
        if (this.#at(earlier).return > call) break;
        free.push(this.#bits[earlier]!);
      }
      this.#bits[position] = free.pop() ?? width++;
    }
    for (const position of this.#uncertain) this.#bits[position] = width++;
    return width;
  }

  #linkBefore(next: number, position: number): void {
    const previous = this.#previous[next]!;
    this.#next[previous] = position;
    this.#previous[position] = previous;
    this.#next[position] = next;
    this.#previous[next] = position;
  }

  #at(position: number): Operation {
    return this.#operations[position]!;
  }
}
