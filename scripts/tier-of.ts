/**
 * The tiers of the house: which tier a file belongs to, and what each tier may import.
 *
 * One table is the whole rule. "By type" means `import type`, which leaves nothing at run time.
 */

export const tiers = [
  "foundation",
  "contract",
  "minimal",
  "production",
  "peers",
  "platform",
  "platform/node",
  "platform/simulated",
  "assembly",
  "harness",
  "cli",
  "repro",
  "microbench",
  "scripts",
] as const;
export type Tier = (typeof tiers)[number];

/** What an import leads to: a tier, Node's own modules, a package of the registry, or the package's own root files. */
export type Target = Tier | "node:" | "package" | "root";

export interface Place {
  readonly tier: Tier;
  /** The room of a contract, a minimal, a production or a peers file: "consensus". */
  readonly room: string | undefined;
  /** A test, or what tests share (`.fixture.ts`). */
  readonly test: boolean;
}

export interface Rule {
  /** Tiers it may import; of contract, minimal, production and peers only those of its own room. */
  readonly own: readonly Target[];
  /** Tiers it may import whatever the room. */
  readonly any: readonly Target[];
  /** Contracts, of these rooms or of all, that it may import by type. */
  readonly contractsByType: readonly string[] | "all";
  /** Packages it may import, by name; pure ones only where effects are handed in. */
  readonly packages: readonly string[] | "all";
}

/** They compute and touch nothing: a wire format, a parser of settings. */
const purePackages = ["msgpackr", "zod"] as const;

const inside = { own: ["contract"], any: ["foundation"], contractsByType: "all", packages: [] } as const;

export const rules: Readonly<Record<Tier, Rule>> = {
  foundation: { own: [], any: ["foundation"], contractsByType: [], packages: purePackages },
  contract: { own: ["contract"], any: ["foundation"], contractsByType: [], packages: [] },
  minimal: inside,
  production: { ...inside, own: ["contract", "production"], packages: purePackages },
  peers: {
    own: ["contract", "peers"],
    any: ["foundation", "platform", "platform/node"],
    contractsByType: [],
    packages: "all",
  },
  platform: {
    own: [],
    any: ["foundation", "platform"],
    contractsByType: ["network", "storage"],
    packages: purePackages,
  },
  "platform/node": {
    own: [],
    any: ["foundation", "platform", "platform/node", "node:"],
    contractsByType: ["network", "storage"],
    packages: "all",
  },
  "platform/simulated": {
    own: [],
    any: ["foundation", "platform", "platform/simulated"],
    contractsByType: ["network", "storage"],
    packages: [],
  },
  assembly: {
    own: [],
    any: [
      "foundation",
      "contract",
      "minimal",
      "production",
      "peers",
      "platform",
      "platform/node",
      "platform/simulated",
      "assembly",
      "node:",
    ],
    contractsByType: "all",
    packages: "all",
  },
  harness: {
    own: [],
    any: ["foundation", "contract", "assembly", "harness", "node:", "root"],
    contractsByType: "all",
    packages: "all",
  },
  cli: {
    own: [],
    any: ["foundation", "contract", "assembly", "harness", "cli", "repro", "node:", "root"],
    contractsByType: "all",
    packages: "all",
  },
  repro: {
    own: [],
    any: ["foundation", "contract", "harness", "repro", "microbench"],
    contractsByType: "all",
    packages: "all",
  },
  // A micro-benchmark times one pure operation, so it reaches for the operation itself.
  microbench: {
    own: [],
    any: ["foundation", "contract", "minimal", "production", "harness", "microbench"],
    contractsByType: "all",
    packages: "all",
  },
  scripts: { own: [], any: [...tiers, "node:", "root"], contractsByType: "all", packages: "all" },
};

/** What every test may import besides: the runner, the simulated world, and packages such as fast-check. */
export const testsMayImport: readonly Target[] = ["node:", "platform", "platform/simulated", "foundation"];

/** Returns where `path`, from the root, belongs; undefined when it has no place in the house. */
export function placeOf(path: string): Place | undefined {
  const test = /\.(test|fixture)\.ts$/.test(path);
  for (const [pattern, tier] of places) {
    const match = pattern.exec(path);
    if (match !== null) return { tier, room: match.groups?.["room"], test };
  }
  return undefined;
}

const places: readonly (readonly [RegExp, Tier])[] = [
  [/^implementations\/foundation\//, "foundation"],
  [/^implementations\/platform\/node\//, "platform/node"],
  [/^implementations\/platform\/simulated\//, "platform/simulated"],
  [/^implementations\/platform\/[^/]+$/, "platform"],
  [/^implementations\/assembly\//, "assembly"],
  [/^implementations\/(?<room>[a-z]+)\/(contract|engine)(\.test)?\.ts$/, "contract"],
  [/^implementations\/(?<room>[a-z]+)\/minimal(\.test)?\.ts$/, "minimal"],
  [/^implementations\/(?<room>[a-z]+)\/production\//, "production"],
  [/^implementations\/(?<room>[a-z]+)\/peers\//, "peers"],
  [/^implementations\/(?<room>[a-z]+)\/[^/]+\.test\.ts$/, "contract"],
  [/^harness\/cli\//, "cli"],
  [/^harness\//, "harness"],
  [/^repro\/microbench\//, "microbench"],
  [/^repro\//, "repro"],
  [/^scripts\//, "scripts"],
];
