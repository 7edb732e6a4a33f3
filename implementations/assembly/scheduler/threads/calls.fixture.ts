/** Functions that tests call as tasks. */

import type { JsonValue, TaskContext } from "../../../scheduler/contract.ts";

export function add(_context: TaskContext, a: number, b: number): number {
  return a + b;
}

export async function addLater(_context: TaskContext, a: number, b: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return a + b;
}

export function describe({ task, token, state }: TaskContext): JsonValue {
  return { task, token, state: state ?? "none" };
}

export function nothing(): void {}

export function refuse(_context: TaskContext, why: string): never {
  throw new Error(why);
}

export async function refuseLater(_context: TaskContext, why: string): Promise<never> {
  await Promise.resolve();
  throw new Error(why);
}

/** What is thrown has no message, and no text. */
export function throwNothingReadable(): never {
  throw Object.create(null);
}

/** What is thrown has a message, but that is no text. */
export function throwOddMessage(): never {
  throw Object.assign(new Error(), { message: 404 });
}

export function text(_context: TaskContext, length: number): string {
  return "x".repeat(length);
}

export function returnFunction(): unknown {
  return () => 0;
}

export function returnCycle(): unknown {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  return cycle;
}

export function exit(_context: TaskContext, code: number): void {
  process.exit(code);
}

/** Returns at once; what it leaves behind ends the thread later. */
export function leaveErrorBehind(): string {
  setTimeout(() => {
    throw new Error("left behind");
  }, 0);
  return "returned";
}

/** Waits for what ends the thread. */
export function throwOutside(): Promise<never> {
  return new Promise(() => {
    setTimeout(() => {
      throw new Error("outside of the task");
    }, 0);
  });
}

export function exhaustMemory(): number {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(10_000).fill(kept.length + 0.5));
}

export function spinForever(): never {
  for (;;);
}

/** Counts up from its state until it is asked to yield; `first`: returned if nobody ever asks. */
export function countUntilAsked(context: TaskContext, goesOn: boolean): JsonValue {
  if (!goesOn && context.state !== undefined) return context.state;
  for (let count = typeof context.state === "number" ? context.state + 1 : 0; ; count++) context.checkpoint(count);
}

/** Catches what its checkpoint throws, and goes on to return something. */
export function stubborn(context: TaskContext): JsonValue {
  if (context.state !== undefined) return { resumed: context.state };
  for (let count = 0, caught = 0; ; count++) {
    try {
      context.checkpoint(count);
    } catch {
      caught++;
      if (caught === 3) return "returned although it was to end";
    }
  }
}

/** Turns what its checkpoint throws into an error of its own. */
export function rephrase(context: TaskContext): JsonValue {
  if (context.state !== undefined) return { resumed: context.state };
  try {
    for (;;) context.checkpoint("here");
  } catch (cause) {
    throw new Error("it did not work", { cause });
  }
}

/** Gives its checkpoint what cannot be kept. */
export function unkeepableState(context: TaskContext): never {
  for (;;) context.checkpoint("x".repeat(100_000));
}

export async function yieldLater(context: TaskContext): Promise<JsonValue> {
  if (context.state !== undefined) return { resumed: context.state };
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    context.checkpoint("after a turn");
  }
}

export const notAFunction = 1;
