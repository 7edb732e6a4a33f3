/** Work on several things at a time that tells of itself in events. */

/**
 * Does `work` for 0 to `count - 1`, at most `workers` at a time, and yields what they tell as it comes. After the first
 * failure nothing new is begun; it is thrown when what is under way has ended.
 *
 * @returns the results, in order.
 */
export async function* inParallel<Event, Result>(
  count: number,
  workers: number,
  work: (index: number, tell: (event: Event) => void) => Promise<Result>,
): AsyncGenerator<Event, Result[]> {
  const results: Result[] = [];
  // Bounded by its consumer's pace: it is emptied whenever anything comes.
  let told: Event[] = [];
  let wake = Promise.withResolvers<void>();
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const tell = (event: Event): void => {
    told.push(event);
    wake.resolve();
  };
  const worker = async (): Promise<void> => {
    while (next < count && failure === undefined) {
      const index = next++;
      try {
        results[index] = await work(index, tell);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  let isDone = false;
  const all = Promise.all(Array.from({ length: Math.min(workers, count) }, worker)).then(() => {
    isDone = true;
    wake.resolve();
  });
  while (!isDone || told.length > 0) {
    await wake.promise;
    wake = Promise.withResolvers<void>();
    const events = told;
    told = [];
    yield* events;
  }
  await all;
  if (failure !== undefined) throw failure.error;
  return results;
}
