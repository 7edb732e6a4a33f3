/** What keeps a value from being JSON: whatever would come back as something else, or not at all. */

/** Deeper values are refused: everything that walks them may then recurse. */
export const maxDepth = 64;

const halfCharacter = "contains half a character (a lone surrogate), which UTF-8 does not have";

/** Returns what is wrong with `value` and where (`path` names it), or undefined. */
export function jsonFlaw(value: unknown, path: string): string | undefined {
  return flawOf(value, path, []);
}

/** @param around the values that `value` stands in, the outermost first. */
function flawOf(value: unknown, path: string, around: readonly object[]): string | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  // JSON can say it, UTF-8 cannot: it would come back from a disk or another node as something else.
  if (typeof value === "string") return value.isWellFormed() ? undefined : `${shortened(path)} ${halfCharacter}`;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : `${shortened(path)} is ${value}, and JSON has finite numbers only`;
  }
  if (typeof value !== "object") return `${shortened(path)} is ${describe(value)}, which JSON does not have`;
  if (around.includes(value)) return `${shortened(path)} is a value that it stands in itself, which JSON cannot say`;
  if (around.length >= maxDepth) return `${shortened(path)} is nested deeper than ${maxDepth} levels`;
  const within = [...around, value];
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const flaw = flawOf(value[index], `${path}[${index}]`, within);
      if (flaw !== undefined) return flaw;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return `${shortened(path)} is ${describe(value)}, which JSON does not have`;
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) return `${shortened(path)} has a name that ${halfCharacter}`;
    const flaw = flawOf(member, `${path}.${name}`, within);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** A reason is read by a person, and goes over the wire. */
function shortened(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}...` : path;
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === undefined ? "undefined" : `a ${typeof value}`;
  const made: unknown = value.constructor;
  return typeof made === "function" ? `a ${made.name}` : "an object with a prototype";
}
