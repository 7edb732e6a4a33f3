/**
 * Capsules: one JSON file that replays one run exactly. It holds the plan, whose seed fixes everything in the simulated
 * substrate, and what came of it: the hash of all that happened and the verdicts. A run on real processes cannot be
 * repeated to the step; its capsule repeats the plan, and says so.
 */

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { modules, substrates } from "../../implementations/foundation/deployment.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { limits } from "../../implementations/scheduler/contract.ts";
import { quorumLevels } from "../../implementations/storage/contract.ts";
import { keyWorkloadIds, taskWorkloadIds } from "../plan/plan.ts";
import type { Plan, TaskLoad } from "../plan/plan.ts";
import type { BlockRecord } from "../run-block.ts";

const node = z.string().regex(/^n\d+$/);
const moment = z.union([
  z.object({ kind: z.literal("sync"), node, count: z.int().min(1) }),
  z.object({
    kind: z.literal("message"),
    message: z.string(),
    from: node,
    to: node,
    count: z.int().min(1),
    inTerm: z.boolean(),
  }),
]);
const placement = z.union([
  z.object({ at: z.literal("time"), ms: z.number().min(0) }),
  z.object({ at: z.literal("moment"), moment }),
  z.object({ at: z.literal("operation"), client: z.int().min(0), count: z.int().min(1) }),
]);
const kinds = Object.values(faultKinds).flat() as [FaultKind, ...FaultKind[]];
const fault = z.object({
  kind: z.enum(kinds),
  target: z.union([
    z.enum(["one", "minority", "majority", "all", "leader", "followers", "damaged", "dispensable"]),
    z.array(node),
  ]),
  placement,
  durationMs: z.number().min(0),
  parameters: z.record(z.string(), z.number()).optional(),
});
const fraction = z.number().min(0).max(1);
const keyWorkload = z.object({
  id: z.enum(keyWorkloadIds),
  valueBytes: z.int().min(1),
  keys: z.int().min(1),
  readFraction: fraction,
  casFraction: fraction,
  deleteFraction: fraction.optional(),
  level: z.enum(quorumLevels).optional(),
});
const share = z.number().positive();
const priority = z.int().min(0).max(limits.priority);
const taskWorkload = z.object({
  id: z.enum(taskWorkloadIds),
  tasks: z.object({
    tasksPerJob: z.int().min(1).max(limits.tasks),
    isJobFull: z.boolean().optional(),
    separateFraction: fraction.optional(),
    statusFraction: fraction.optional(),
    kinds: z
      .array(
        z.object({
          share,
          kind: z.enum(["spin", "sleep"]),
          ms: z.number().min(0),
          tenant: z.string().optional(),
          priority: priority.optional(),
        }),
      )
      .min(1),
    checkpointMs: z.number().positive().optional(),
    tenants: z.array(z.object({ name: z.string(), share })).optional(),
    topPriority: priority.optional(),
    resources: z.array(z.object({ cpuMilli: z.number().min(0), memoryMb: z.number().min(0) })).optional(),
    affinityFraction: fraction.optional(),
    lanes: z.int().min(1).optional(),
    throwFraction: fraction.optional(),
    crashFraction: fraction.optional(),
    forGoodFraction: fraction.optional(),
    topTimes: z.int().min(1).optional(),
    topAttempts: z.int().min(1).max(limits.attempts).optional(),
    callFraction: fraction.optional(),
    calledModule: z.string().optional(),
    dependencyFraction: fraction.optional(),
    earlierFraction: fraction.optional(),
    circleFraction: fraction.optional(),
    strayFraction: fraction.optional(),
    prematureFraction: fraction.optional(),
    impostorFraction: fraction.optional(),
    resubmitFraction: fraction.optional(),
    deadlineFraction: fraction.optional(),
    deadlineMs: z.number().positive().optional(),
  } satisfies { readonly [Name in keyof Required<TaskLoad>]: z.ZodType }),
});
const commonFields = z.object({
  // Capsules from before there was a second module do not name theirs.
  module: z.enum(modules).default("consensus"),
  seed: z.string(),
  nodes: z.int().min(1).max(15),
  load: z.union([
    z.object({ loop: z.enum(["closed", "batch"]), clients: z.int().min(1).max(1000) }),
    z.object({ loop: z.literal("open"), clients: z.int().min(1).max(1000), ratePerS: z.number().positive() }),
  ]),
  durationMs: z.number().positive(),
  warmUpMs: z.number().min(0),
  operationsPerClient: z.int().min(1).optional(),
  deadlineMs: z.number().positive(),
  attemptTimeoutMs: z.number().positive().optional(),
  faults: z.array(fault),
  everyFaultMustAct: z.boolean(),
  generatorLimitMs: z.number().positive(),
  mayDropArrivals: z.boolean().default(false),
  convergenceMs: z.number().positive(),
  settings: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
});
const capsuleFields = z.object({
  grey: z.literal("capsule"),
  version: z.literal(1),
  experiment: z.string(),
  implementation: z.string(),
  substrate: z.enum(substrates),
  expected: z.object({
    traceHash: z.string().optional(),
    checks: z.array(z.object({ id: z.string(), validity: z.enum(["valid", "invalid", "unknown"]) })),
    counterexample: z.string().optional(),
  }),
});

type PlanFields = z.infer<typeof commonFields>;

function requireKnownNodes({ nodes, faults }: PlanFields, context: z.RefinementCtx): void {
  for (const [index, each] of faults.entries()) {
    const stranger = nodesNamedBy(each).find((name) => !(Number(name.slice(1)) >= 1 && Number(name.slice(1)) <= nodes));
    if (stranger === undefined) continue;
    context.addIssue({
      code: "custom",
      path: ["faults", index],
      message: `${stranger} is not one of the ${nodes} nodes`,
    });
  }
}

const capsuleOfKeys = capsuleFields.extend({
  plan: commonFields.extend({ workload: keyWorkload }).superRefine(requireKnownNodes),
});
const capsuleOfTasks = capsuleFields.extend({
  plan: commonFields.extend({ workload: taskWorkload }).superRefine(requireKnownNodes),
});
/** Which of the two is known before it is parsed, so that a message names the field that is wrong. */
const hasTasks = z.object({ plan: z.object({ workload: z.object({ tasks: z.looseObject({}) }) }) });

export type Capsule = z.infer<typeof capsuleFields> & { readonly plan: Plan };

/** Returns the capsule of a finished block as the text of its file. */
export function encodeCapsule(experiment: string, record: BlockRecord): string {
  const { implementation, substrate, traceHash, checks } = record;
  const counterexample = checks.find((check) => check.counterexample !== undefined)?.counterexample;
  const capsule: Capsule = {
    grey: "capsule",
    version: 1,
    experiment,
    implementation,
    substrate,
    plan: record.plan,
    expected: { traceHash, checks: checks.map(({ id, validity }) => ({ id, validity })), counterexample },
  };
  return `${JSON.stringify(capsule, null, 2)}\n`;
}

/**
 * Reads a capsule.
 *
 * @throws UsageError naming the file, the field and what was wanted, when it cannot be read or is damaged.
 */
export async function readCapsule(file: string): Promise<Capsule> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // The parser quotes the file, line breaks and all.
    throw new UsageError(`Cannot read capsule ${file}: ${reason.replaceAll(/\s+/g, " ")}`, { cause: error });
  }
  const parsed = (hasTasks.safeParse(content).success ? capsuleOfTasks : capsuleOfKeys).safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? "the whole file" : issue.path.join(".");
    throw new UsageError(`Cannot read capsule ${file}: ${where}: ${issue?.message ?? "is not a capsule"}`);
  }
  const { operationsPerClient, attemptTimeoutMs, ...rest } = parsed.data.plan;
  return { ...parsed.data, plan: { ...rest, operationsPerClient, attemptTimeoutMs } as Plan };
}

function nodesNamedBy({ target, placement: where }: z.infer<typeof fault>): readonly string[] {
  const targets = typeof target === "string" ? [] : target;
  if (where.at !== "moment") return targets;
  return where.moment.kind === "sync"
    ? [...targets, where.moment.node]
    : [...targets, where.moment.from, where.moment.to];
}
