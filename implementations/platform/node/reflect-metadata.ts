/**
 * The part of the metadata proposal for `Reflect` that the certificate library's dependency injection asks for.
 *
 * `@peculiar/x509` builds on tsyringe, which refuses to load without it. Only decorators compiled by TypeScript ever
 * write metadata, and the few that are written here are read back by class. The full polyfill was not taken: it brings
 * a thousand lines for three functions.
 *
 * To be imported, for its effect, before `@peculiar/x509`.
 */

type Metadata = Map<unknown, unknown>;

interface MetadataReflect {
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  getMetadata?: (key: unknown, target: object) => unknown;
}

const byTarget = new WeakMap<object, Metadata>();
const reflect = Reflect as MetadataReflect;

reflect.defineMetadata ??= (key, value, target) => {
  const metadata = byTarget.get(target) ?? new Map<unknown, unknown>();
  byTarget.set(target, metadata.set(key, value));
};

reflect.getOwnMetadata ??= (key, target) => byTarget.get(target)?.get(key);

reflect.getMetadata ??= (key, target) => {
  for (let at: object | null = target; at !== null; at = Reflect.getPrototypeOf(at)) {
    const metadata = byTarget.get(at);
    if (metadata?.has(key) === true) return metadata.get(key);
  }
  return undefined;
};
