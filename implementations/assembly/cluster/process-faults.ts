/**
 * Faults that node processes perform on themselves: disks, clocks, and everything between minimal nodes.
 *
 * The driver only switches them over the control channel and is told what they did. A process forgets with its life, so
 * what earlier lives counted is kept here, and a fault that outlives its process is injected into the next one again. A
 * power loss cannot report: that the process ended is what it did.
 */

import { faultHandle } from "../../foundation/fault-handle.ts";
import type { Efficacy, Fault, FaultHandle } from "../../foundation/faults.ts";
import type { DriverMessage, ProcessEfficacy } from "./control.ts";

/** What has to be known of a process. */
export interface FaultyProcess {
  send(message: DriverMessage): void;
  /** Something inside it is about to end it on our behalf. */
  expectEnd(): void;
}

/** Strike once, at a moment of their own choosing; a later life has nothing more to do with them. */
const passing: ReadonlySet<string> = new Set(["torn-write", "lost-sync", "bit-flip", "misdirect"]);

export class ProcessFaults {
  readonly #refresh: () => Promise<unknown>;
  readonly #efficacy = new Map<number, Efficacy>();
  /** What earlier lives of a process counted. */
  readonly #past = new Map<number, number>();
  /** By process: faults that outlive it. */
  readonly #lasting = new Map<FaultyProcess, Map<number, Fault>>();
  /** By process: faults that are about to end it. */
  readonly #powerLosses = new Map<FaultyProcess, Set<number>>();
  #handles = 0;

  /** @param refresh asks every process what its faults did; the answers come to `reported`. */
  constructor(refresh: () => Promise<unknown>) {
    this.#refresh = refresh;
  }

  /** Begins `fault` in each of `processes`. */
  inject(fault: Fault, processes: readonly FaultyProcess[]): FaultHandle {
    const numbers = processes.map((process) => ({ process, number: this.#begin(fault, process) }));
    return faultHandle(
      fault.kind === "disk" ? "operations" : "times",
      () => numbers.reduce((sum, { number }) => sum + this.#countOf(number), 0),
      () => {
        for (const { process, number } of numbers) {
          this.#lasting.get(process)?.delete(number);
          process.send({ kind: "heal", handle: number });
        }
        void this.#refresh();
      },
    );
  }

  /** A process said what its faults did so far. */
  reported(efficacy: ProcessEfficacy["efficacy"]): void {
    for (const [number, each] of efficacy) this.#efficacy.set(number, each);
  }

  /** The next life of `process` listens. */
  resumed(process: FaultyProcess): void {
    for (const [handle, fault] of this.#lasting.get(process) ?? []) process.send({ kind: "inject", fault, handle });
  }

  /** A life of `process` is over. */
  ended(process: FaultyProcess): void {
    for (const handle of this.#lasting.get(process)?.keys() ?? []) {
      this.#past.set(handle, this.#countOf(handle));
      this.#efficacy.delete(handle);
    }
    for (const handle of this.#powerLosses.get(process) ?? []) {
      this.#efficacy.set(handle, { count: 1, unit: "power losses" });
    }
    this.#powerLosses.delete(process);
  }

  #begin(fault: Fault, process: FaultyProcess): number {
    const number = ++this.#handles;
    if (fault.kind === "disk" && (fault.fault.kind === "torn-write" || fault.fault.kind === "lost-sync")) {
      process.expectEnd();
      entryOf(this.#powerLosses, process, () => new Set()).add(number);
    }
    const lasts = fault.kind === "clock" || (fault.kind === "disk" && !passing.has(fault.fault.kind));
    if (lasts) entryOf(this.#lasting, process, () => new Map()).set(number, fault);
    process.send({ kind: "inject", fault, handle: number });
    return number;
  }

  #countOf(number: number): number {
    return (this.#efficacy.get(number)?.count ?? 0) + (this.#past.get(number) ?? 0);
  }
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  const present = map.get(key) ?? create();
  map.set(key, present);
  return present;
}
