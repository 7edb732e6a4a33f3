/**
 * Does something in the middle of an operation on shared memory, at an exact place: before its n-th atomic access.
 *
 * The functions of `Atomics` are replaced for as long as the operation runs, on this thread only. What an operation
 * does between two atomic accesses nobody else is supposed to see or to disturb, so an operation that is cut open, or
 * cut off, at each of its atomic accesses has been so at every place that matters.
 */

const accesses = ["load", "store", "add", "sub", "and", "or", "exchange", "compareExchange"] as const;

/**
 * Runs `operation`, and `intrude` before its atomic access number `step`, counted from 0. `intrude` is not counted
 * itself; if it throws, so does the operation at that place.
 *
 * @returns whether there were that many.
 */
export function atAtomicStep(step: number, operation: () => void, intrude: () => void): boolean {
  const originals = accesses.map((name) => Atomics[name]);
  const restore = (): void => {
    for (const [index, name] of accesses.entries()) Object.assign(Atomics, { [name]: originals[index] });
  };
  let left = step;
  for (const [index, name] of accesses.entries()) {
    const original = originals[index] as (...parameters: unknown[]) => number;
    const counted = (...parameters: unknown[]): number => {
      if (left-- === 0) {
        restore();
        intrude();
      }
      return original(...parameters);
    };
    Object.assign(Atomics, { [name]: counted });
  }
  try {
    operation();
  } finally {
    restore();
  }
  return left < 0;
}
