/** What keeps a value from being JSON: whatever would come back as something else, or not at all. */

/** Deeper values are refused: everything that walks them may then recurse. */
const maxDepth = 64;

/** Returns what is wrong with `value` and where (`path` names it), or undefined. */
export function jsonFlaw(value: unknown, path: string, depth = 0): string | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "string") return undefined;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : `${path} is ${value}, and JSON has finite numbers only`;
  }
  if (typeof value !== "object") return `${path} is ${describe(value)}, which JSON does not have`;
  if (depth >= maxDepth) return `${path} is nested deeper than ${maxDepth} levels`;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const flaw = jsonFlaw(value[index], `${path}[${index}]`, depth + 1);
      if (flaw !== undefined) return flaw;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return `${path} is ${describe(value)}, which JSON does not have`;
  for (const [name, member] of Object.entries(value)) {
    const flaw = jsonFlaw(member, `${path}.${name}`, depth + 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) return `a ${value.constructor.name}`;
  return value === undefined ? "undefined" : `a ${typeof value}`;
}
