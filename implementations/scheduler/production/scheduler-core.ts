/**
 * The brain of a production scheduler node: what it does with requests, messages and the ends of attempts.
 *
 * It reads no clock and touches no disk, network or thread but through its ports, all of them with callbacks, so that
 * the same file runs in virtual time and in a real process. What happens in one turn is settled at its end: what became
 * ready is offered to the run queue, the best first, and only then are workers woken, so that a submission becomes
 * visible to them as a whole.
 *
 * - `admission.ts` decides what is taken, `home.ts` what becomes of it, `journal.ts` what survives;
 * - `lender.ts` and `guests.ts` are the two ends of a lease, `watches.ts` both ends of a dependency between homes;
 * - `preemption-policy.ts` says which attempt makes room for another.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Clock, Disk, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ClientRequest, SchedulerEvent, SchedulerReply, SchedulerState } from "../contract.ts";
import { homeOf, jobOf, limits, rememberedStarts } from "../contract.ts";
import { AdmissionControl } from "./admission.ts";
import { isRefusal, isTaskId } from "./admitted-task.ts";
import type { Refusal } from "./admitted-task.ts";
import { Attempts } from "./attempts.ts";
import { ClientDesk } from "./client-desk.ts";
import type { Ticket } from "./client-desk.ts";
import type { SchedulerSettings } from "./defaults.ts";
import { Guests } from "./guests.ts";
import type { Guest } from "./guests.ts";
import { Home } from "./home.ts";
import { Journal } from "./journal.ts";
import { JournalDamage, recoverJournal } from "./journal-recovery.ts";
import type { RecoveredJournal } from "./journal-recovery.ts";
import { Lender } from "./lender.ts";
import { decodeMessage } from "./messages.ts";
import type { Message } from "./messages.ts";
import type { AttemptEvents, EndedAttempt, ExecutorPort, QueuePort, StartedAttempt } from "./ports.ts";
import { chooseVictim } from "./preemption-policy.ts";
import { TaskTable } from "./task-table.ts";
import { parseTenants } from "./tenants.ts";
import { allowancesOf, quotasOf } from "./shares.ts";
import { Tokens } from "./tokens.ts";
import { Waits } from "./waits.ts";
import { Watches } from "./watches.ts";

export interface SchedulerCoreOptions {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  /** No earlier life has started: an empty disk is right. */
  readonly forming: boolean;
  readonly settings: SchedulerSettings;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly defer: (callback: () => void) => void;
  readonly queue: QueuePort;
  readonly executor: ExecutorPort;
  readonly send: (to: NodeId, message: Message) => void;
  readonly trace: (event: SchedulerEvent) => void;
  /** It has recovered, and serves. */
  readonly onStarted: (repairs: readonly string[]) => void;
  /** It cannot go on; `permanent`: no restart will help. */
  readonly onFatal: (error: Error, permanent: boolean) => void;
}

/** Between two looks whether an attempt should make room, and whether there is room for what found none. */
const lookMs: Millis = 2;
