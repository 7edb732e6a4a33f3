/**
 * The CSV tables of a results directory: one observation per row, the unit in the column's name.
 *
 * This file is the single source of the columns: rows are typed by it, `datapackage.json` and the data dictionary are
 * generated from it, and the figures read by these names.
 */

export interface Column {
  readonly name: string;
  readonly type: "string" | "number" | "integer" | "boolean";
  readonly description: string;
}

const block = [
  { name: "experiment", type: "string", description: "Id of the experiment, as in `grey list`." },
  {
    name: "block",
    type: "integer",
    description: "Number of the block in its experiment, from 0; one block is one observation.",
  },
  { name: "implementation", type: "string", description: "minimal, production, or a peer's name." },
  { name: "substrate", type: "string", description: "simulated or cluster." },
  { name: "nodes", type: "integer", description: "Nodes of the cluster." },
  { name: "seed", type: "string", description: "Seed of the block's plan; the same for every implementation." },
] as const satisfies readonly Column[];

/** What was asked of the system: a latency or a rate says nothing without it. */
const load = [
  { name: "variant", type: "string", description: "Which plan of the block, where a block has several; else empty." },
  { name: "loop", type: "string", description: "open, closed or batch." },
  { name: "clients", type: "integer", description: "Logical clients; in a batch loop the operations of one batch." },
  {
    name: "offered_per_s",
    type: "number",
    description: "Mean rate of the arrivals in an open loop; empty in the others, which offer what is taken.",
  },
] as const satisfies readonly Column[];

export const tables = {
  latency: [
    ...block,
    ...load,
    { name: "operation", type: "string", description: "Kind of operation, or `all`." },
    {
      name: "measure",
      type: "string",
      description:
        "intended: from the intended start (open loop); service: from the actual start; lateness: actual minus intended start.",
    },
    { name: "count", type: "integer", description: "Operations measured." },
    { name: "mean_ms", type: "number", description: "Arithmetic mean." },
    { name: "p50_ms", type: "number", description: "Median." },
    { name: "p90_ms", type: "number", description: "90th percentile." },
    { name: "p99_ms", type: "number", description: "99th percentile." },
    { name: "p999_ms", type: "number", description: "99.9th percentile." },
    { name: "max_ms", type: "number", description: "Maximum." },
  ],
  throughput: [
    ...block,
    ...load,
    { name: "value_bytes", type: "integer", description: "Size of a written value, where values are written." },
    {
      name: "window_start_s",
      type: "number",
      description: "Start of the window since the load began; the row with window `all` covers the block.",
    },
    { name: "window_s", type: "string", description: "Length of the window, or `all`." },
    { name: "ok", type: "integer", description: "Operations that succeeded." },
    { name: "fail", type: "integer", description: "Operations that definitely did not happen." },
    { name: "info", type: "integer", description: "Operations with an unknown outcome." },
    { name: "throughput_per_s", type: "number", description: "Successful operations per second." },
  ],
  faults: [
    ...block,
    { name: "fault", type: "string", description: "Kind of the fault." },
    { name: "target", type: "string", description: "What it hit: nodes or links." },
    { name: "start_s", type: "number", description: "Injection, since the load began." },
    { name: "end_s", type: "number", description: "Healing, since the load began." },
    { name: "efficacy", type: "integer", description: "What the fault did; 0 voids the run." },
    { name: "efficacy_unit", type: "string", description: "What `efficacy` counts." },
  ],
  checks: [
    ...block,
    { name: "check", type: "string", description: "Id of the check." },
    { name: "verdict", type: "string", description: "valid, invalid or unknown." },
    { name: "count", type: "integer", description: "How much was judged." },
    { name: "unit", type: "string", description: "What `count` counts." },
    { name: "summary", type: "string", description: "One line for a person." },
  ],
  diffs: [
    ...block,
    { name: "other", type: "string", description: "The implementation compared with." },
    { name: "mode", type: "string", description: "step-by-step or at-rest." },
    { name: "compared", type: "integer", description: "States compared." },
    { name: "divergences", type: "integer", description: "States that differ." },
  ],
  elections: [
    ...block,
    { name: "trigger", type: "string", description: "What forced the election: start, kill, partition, ..." },
    { name: "term", type: "integer", description: "Term that was won." },
    {
      name: "duration_ms",
      type: "number",
      description:
        "From the loss of the leader to the first trace of the next one; virtual milliseconds when simulated.",
    },
    { name: "won_s", type: "number", description: "When it was won: seconds since the load began, negative before." },
  ],
  measurements: [
    ...block,
    { name: "metric", type: "string", description: "What was measured; the estimators of the claims name it." },
    { name: "value", type: "number", description: "The measured value." },
    { name: "unit", type: "string", description: "Unit of `value`." },
  ],
  timeline: [
    ...block,
    { name: "node", type: "string", description: "The node it was seen on, or `all` of them." },
    { name: "time_s", type: "number", description: "Seconds since the load began." },
    { name: "metric", type: "string", description: "What was seen." },
    { name: "value", type: "number", description: "Its value at that time." },
    { name: "unit", type: "string", description: "Unit of `value`." },
  ],
  attempts: [
    ...block,
    { name: "node", type: "string", description: "Where the attempt ran." },
    { name: "worker", type: "integer", description: "Which worker of the node ran it, from 0." },
    { name: "lane", type: "integer", description: "Whose queue it was taken from; -1: the one all workers share." },
    { name: "task", type: "string", description: "Id of the task: JOB.NAME." },
    { name: "tenant", type: "string", description: "Whose task it is." },
    { name: "priority", type: "integer", description: "Higher first." },
    { name: "start_s", type: "number", description: "Seconds since the load began." },
    { name: "end_s", type: "number", description: "Seconds since the load began; empty while it runs." },
    { name: "end", type: "string", description: "completed, threw, crashed, lost, yielded, expired or open." },
    { name: "wait_ms", type: "number", description: "From when it got ready." },
  ],
  microbench: [
    { name: "task", type: "string", description: "The pure operation measured, one task per child process." },
    { name: "samples", type: "integer", description: "Samples taken." },
    { name: "iterations_per_sample", type: "integer", description: "Operations per sample." },
    { name: "p50_ns", type: "number", description: "Median time of one operation." },
    { name: "p99_ns", type: "number", description: "99th percentile over samples." },
    { name: "throughput_per_s", type: "number", description: "Operations over time." },
  ],
  claims: [
    { name: "claim", type: "string", description: "Id of the claim; one row per measure of it." },
    { name: "class", type: "string", description: "behaviour, exact, shape, ratio or absolute." },
    { name: "source", type: "string", description: "Published document and section." },
    { name: "statement", type: "string", description: "The published statement." },
    { name: "published", type: "string", description: "The published value, with its unit." },
    { name: "band", type: "string", description: "The band the measured value is held against." },
    { name: "measure", type: "string", description: "What was measured." },
    { name: "implementation", type: "string", description: "On which implementation it was measured." },
    { name: "measured", type: "string", description: "The measured value, with its unit." },
    { name: "estimate", type: "number", description: "The measured value as a number; empty when it is not one." },
    { name: "low", type: "number", description: "Lower end of the 90 % interval; empty when the measure has none." },
    { name: "high", type: "number", description: "Upper end of the 90 % interval." },
    { name: "samples", type: "integer", description: "Blocks or checked runs behind the measure." },
    {
      name: "verdict",
      type: "string",
      description: "Of this measure: reproduced, not reproduced, inconclusive, not comparable or not run.",
    },
    { name: "reason", type: "string", description: "Why, in one line." },
    { name: "claim_verdict", type: "string", description: "Of the claim as a whole: all its measures together." },
    { name: "experiment", type: "string", description: "Ids of the experiments behind the claim." },
    { name: "command", type: "string", description: "The command that measures and judges the claim again." },
  ],
} as const satisfies Record<string, readonly Column[]>;

export type TableName = keyof typeof tables;
/** A row: every column of the table, by name. `undefined` is written as an empty cell. */
export type Row<Name extends TableName> = Readonly<
  Record<(typeof tables)[Name][number]["name"], string | number | boolean | undefined>
>;
