/** Claims of Performance Economics about consensus: what more nodes cost. */

import type { Claim, ValueMeasure } from "../../../harness/claim/claim.ts";
import { typical } from "../measures.ts";

export const economicsClaims: readonly Claim[] = [
  {
    id: "N-PE-1",
    module: "consensus",
    source: { document: "Performance Economics", section: "2.2" },
    statement: "throughput at 1, 3, 5, 7 nodes",
    class: "shape",
    published: { metric: "ratio to 3 nodes", value: "3.33; 1; 0.83; 0.67", unit: "ratio", band: "+-0.15 each" },
    bandReason: "as published, each ratio give or take 0.15",
    experiments: ["consensus-throughput"],
    measures: [
      throughputOf(1, { kind: "within", low: 3.18, high: 3.48 }),
      throughputOf(5, { kind: "within", low: 0.68, high: 0.98 }),
      throughputOf(7, { kind: "within", low: 0.52, high: 0.82 }),
    ],
    expected: "not reproduced",
    code: "implementations/consensus/production",
    notes: "all nodes share two cores, so what a node costs is paid in processor time too",
  },
];

function throughputOf(nodes: number, band: ValueMeasure["band"]): ValueMeasure {
  const where = { implementation: "production", substrate: "cluster" } as const;
  const label = `throughput of ${nodes} nodes to 3, closed loop, 64 clients`;
  return typical(`throughput-ratio-to-3-nodes@${nodes}-nodes`, where, band, "ratio", label);
}
