/**
 * Finds tasks of one submission that wait for each other in a circle. Without recursion: chains are as long as a
 * submission may be, and no stack should bound that.
 *
 * Only within a submission can a circle close: whatever else a task waits for was accepted before it.
 *
 * @see Kahn 1962, "Topological sorting of large networks".
 */

export interface Dependent {
  readonly id: string;
  readonly dependencies: readonly string[];
}

/** Returns the ids along a circle, each waiting for the next and the last for the first; undefined without one. */
export function findCycle(tasks: readonly Dependent[]): readonly string[] | undefined {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const waitsFor = new Map<string, number>();
  const dependants = new Map<string, string[]>();
  for (const { id, dependencies } of tasks) {
    const inner = dependencies.filter((dependency) => byId.has(dependency));
    waitsFor.set(id, inner.length);
    for (const dependency of inner) dependants.set(dependency, [...(dependants.get(dependency) ?? []), id]);
  }
  const free = tasks.filter(({ id }) => waitsFor.get(id) === 0).map(({ id }) => id);
  for (const id of free) {
    waitsFor.delete(id);
    for (const dependant of dependants.get(id) ?? []) {
      const left = (waitsFor.get(dependant) ?? 0) - 1;
      waitsFor.set(dependant, left);
      if (left === 0) free.push(dependant);
    }
  }
  return waitsFor.size === 0 ? undefined : circleAmong(waitsFor, byId);
}

/** Whoever is left waits for somebody who is left: following them comes back to where it was. */
function circleAmong(left: ReadonlyMap<string, number>, byId: ReadonlyMap<string, Dependent>): readonly string[] {
  const path: string[] = [];
  const places = new Map<string, number>();
  let [id] = left.keys();
  while (id !== undefined && !places.has(id)) {
    places.set(id, path.length);
    path.push(id);
    id = byId.get(id)?.dependencies.find((dependency) => left.has(dependency));
  }
  return path.slice(places.get(id ?? "") ?? 0);
}
