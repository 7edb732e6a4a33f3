/** Loads the module of a call: the one thing that a task reaches for outside of itself. */

export async function loadModule(module: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(module)) as Readonly<Record<string, unknown>>;
}
