/**
 * Makes histories for the checkers' own tests: simulates clients of real registers, so that the history is
 * linearizable by construction, with contention, failed cas and operations of unknown outcome that take effect late
 * or never. Mutating such a history gives nearly linearizable ones.
 */

import type { Random } from "../../implementations/foundation/effects.ts";
import type { HistoryEvent, HistoryFunction, HistoryScalar, HistoryValue } from "../history/event.ts";
import { HistoryRecorder } from "../history/recorder.ts";

export interface SimulatedHistoryOptions {
  readonly random: Random;
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  readonly functions: readonly ("read" | "write" | "cas" | "delete")[];
  /** Written values are drawn below this; undefined: every value is written once. */
  readonly values?: number;
  /** Probability that an operation's outcome stays unknown. */
  readonly infoProbability: number;
}

interface Flight {
  process: number;
  f: HistoryFunction;
  key: string;
  argument: HistoryValue;
  /** undefined until it took effect. */
  reply: { type: "ok" | "fail"; value: HistoryValue } | undefined;
}

/** Returns a history that is linearizable by construction. */
export function simulateHistory(options: SimulatedHistoryOptions): readonly HistoryEvent[] {
  const { random } = options;
  const recorder = new HistoryRecorder();
  const registers = new Map<string, HistoryScalar>();
  const lastSeen = new Map<string, HistoryScalar>();
  const flights: Flight[] = [];
  const lost: Flight[] = [];
  const idle = Array.from({ length: options.clients }, (_, process) => process);
  let nextProcess = options.clients;
  let nextValue = 1;
  let issued = 0;
  let timeNs = 0;
  const drawValue = (): number => (options.values === undefined ? nextValue++ : random.below(options.values));
  while (issued < options.operations || flights.length > 0) {
    timeNs += 1 + random.below(1000);
    if (idle.length > 0 && issued < options.operations && random.below(3) === 0) {
      const process = idle.splice(random.below(idle.length), 1)[0]!;
      const key = `k${random.below(options.keys)}`;
      const f = options.functions[random.below(options.functions.length)]!;
      const argument =
        f === "read" || f === "delete"
          ? null
          : f === "write"
            ? drawValue()
            : pairFor(lastSeen.get(key) ?? null, drawValue());
      recorder.invoke(timeNs, process, f, key, argument);
      flights.push({ process, f, key, argument, reply: undefined });
      issued++;
      continue;
    }
    if (lost.length > 0 && random.below(20) === 0) takeEffect(lost.splice(random.below(lost.length), 1)[0]!, registers);
    if (flights.length === 0) continue;
    const position = random.below(flights.length);
    const flight = flights[position]!;
    const isLost = random.float() < options.infoProbability;
    if (flight.reply === undefined && !isLost) {
      takeEffect(flight, registers);
      if (flight.f === "read" && flight.reply !== undefined) {
        lastSeen.set(flight.key, (flight as { reply: { value: HistoryScalar } }).reply.value);
      }
      continue;
    }
    flights.splice(position, 1);
    if (isLost) {
      recorder.complete(timeNs, "info", flight.process, flight.argument, "REPLY_TIMEOUT");
      if (flight.reply === undefined) lost.push(flight);
      idle.push(nextProcess++);
      continue;
    }
    const { type, value } = flight.reply!;
    const code = flight.f === "delete" ? "NOT_FOUND" : "PRECONDITION_FAILED";
    recorder.complete(timeNs, type, flight.process, value, type === "fail" ? code : undefined);
    idle.push(flight.process);
  }
  return recorder.events;
}

/** Changes one result: a read's value, or the outcome of a cas; the history may stay linearizable. */
export function mutateHistory(events: readonly HistoryEvent[], random: Random): readonly HistoryEvent[] {
  const targets = events.filter(({ type, f }) => (type === "ok" && f !== "write") || (type === "fail" && f !== "read"));
  const target = targets.length === 0 ? undefined : targets[random.below(targets.length)];
  const reads = events.filter(({ type, f }) => type === "ok" && f === "read");
  return events.map((event) => {
    if (event !== target) return event;
    const { error: _, ...rest } = event;
    if (event.type === "fail") return { ...rest, type: "ok" };
    if (event.f === "cas") return { ...rest, type: "fail", error: "PRECONDITION_FAILED" };
    if (event.f === "delete") return { ...rest, type: "fail", error: "NOT_FOUND" };
    const other = reads[random.below(reads.length)]?.value ?? null;
    return { ...rest, value: random.below(4) === 0 ? null : other };
  });
}

function pairFor(from: HistoryScalar, to: number): HistoryValue {
  return [from, to];
}

function takeEffect(flight: Flight, registers: Map<string, HistoryScalar>): void {
  const held = registers.get(flight.key) ?? null;
  if (flight.f === "read") {
    flight.reply = { type: "ok", value: held };
  } else if (flight.f === "write") {
    registers.set(flight.key, flight.argument as HistoryScalar);
    flight.reply = { type: "ok", value: flight.argument };
  } else if (flight.f === "delete") {
    registers.set(flight.key, null);
    flight.reply = { type: held === null ? "fail" : "ok", value: null };
  } else {
    const [from, to] = flight.argument as readonly [HistoryScalar, HistoryScalar];
    if (held === from) registers.set(flight.key, to);
    flight.reply = { type: held === from ? "ok" : "fail", value: flight.argument };
  }
}
