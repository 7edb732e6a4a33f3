/**
 * What tests do to code that shares memory: stop it before its n-th atomic operation, exactly, to let others run or to
 * let it die there. Between two atomic operations it does nothing that others can see.
 */

const names = ["load", "store", "add", "compareExchange"] as const;

let hook: (() => void) | undefined;

for (const name of names) {
  const original = Atomics[name] as (...parameters: unknown[]) => unknown;
  Object.assign(Atomics, {
    [name]: (...parameters: unknown[]): unknown => {
      hook?.();
      return original(...parameters);
    },
  });
}

/**
 * Runs `task`, and `interrupt` before the atomic operation number `at` of it, from 0; what `interrupt` throws ends it.
 *
 * @returns whether `task` came that far.
 */
export function interruptAt(at: number, task: () => void, interrupt: () => void): boolean {
  const outer = hook;
  let count = 0;
  let isReached = false;
  const own = (): void => {
    if (count++ !== at) return;
    isReached = true;
    hook = undefined;
    interrupt();
    hook = own;
  };
  hook = own;
  try {
    task();
  } finally {
    hook = outer;
  }
  return isReached;
}
