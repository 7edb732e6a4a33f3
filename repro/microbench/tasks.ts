/** The micro-benchmarks of `npm run repro`, by id. Each runs in a process of its own that imports the module named. */

import type { MicrobenchTask } from "../../harness/measure/microbench.ts";

export const microbenchTasks: readonly MicrobenchTask[] = [
  task("crc32c-256-bytes", "crc32c.ts", "crc32cOf256Bytes"),
  task("crc32c-64-kib", "crc32c.ts", "crc32cOf64KiB"),
  task("prng-uint32", "prng.ts", "prngUint32"),
  task("append-entries-1", "append-entries.ts", "appendEntriesOf1"),
  task("append-entries-64", "append-entries.ts", "appendEntriesOf64"),
  task("minimal-storage-put-one", "minimal-storage.ts", "putAtOne"),
  task("minimal-storage-put-majority", "minimal-storage.ts", "putAtMajority"),
  task("minimal-storage-put-all", "minimal-storage.ts", "putAtAll"),
  task("minimal-storage-get-one", "minimal-storage.ts", "getAtOne"),
  task("minimal-storage-get-majority", "minimal-storage.ts", "getAtMajority"),
  task("minimal-storage-get-all", "minimal-storage.ts", "getAtAll"),
];

/** What minimal consensus costs as direct function calls; their ratios are claims. */
export const inProcessTasks = {
  electionOf3: task("minimal-election-3-nodes", "minimal-consensus.ts", "electionOf3"),
  electionOf5: task("minimal-election-5-nodes", "minimal-consensus.ts", "electionOf5"),
  electionOf7: task("minimal-election-7-nodes", "minimal-consensus.ts", "electionOf7"),
  replicationOf100: task("minimal-replication-100-entries", "minimal-consensus.ts", "replicationOf100"),
  replicationOf1000: task("minimal-replication-1000-entries", "minimal-consensus.ts", "replicationOf1000"),
} as const;

/** What more shards add to a put and a get of minimal storage; their ratios are claims. */
export const shardingTasks = {
  over1Shard: task("minimal-storage-1-shard", "minimal-storage.ts", "over1Shard"),
  over16Shards: task("minimal-storage-16-shards", "minimal-storage.ts", "over16Shards"),
  over256Shards: task("minimal-storage-256-shards", "minimal-storage.ts", "over256Shards"),
} as const;

/** What minimal scheduling costs as direct function calls; the first is a goal, the others are claims. */
export const schedulingTasks = {
  cycle: task("minimal-scheduler-cycle", "minimal-scheduler.ts", "submitScheduleComplete"),
  submit1000: task("minimal-scheduler-submit-1000", "minimal-scheduler.ts", "submit1000"),
  process1000: task("minimal-scheduler-process-1000", "minimal-scheduler.ts", "process1000"),
  reversed300: task("minimal-scheduler-reversed-300", "minimal-scheduler.ts", "reversed300"),
} as const;

function task(id: string, file: string, exportName: string): MicrobenchTask {
  return { id, module: new URL(file, import.meta.url).href, exportName };
}
