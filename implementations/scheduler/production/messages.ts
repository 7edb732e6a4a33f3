/**
 * What the schedulers of a deployment say to each other. Messages may be lost, come twice, or late; every question is
 * asked until it is answered, and every answer can stand alone.
 */

import { decode, encode } from "../../foundation/codec.ts";
import type { Millis } from "../../foundation/units.ts";
import type { JsonValue } from "../contract.ts";
import type { AdmittedTask } from "./admitted-task.ts";
import type { EndedAttempt } from "./ports.ts";

/** unknown: no such task was ever accepted, or it is forgotten. completed and failed are durable. */
export type WatchedState = "unknown" | "pending" | "completed" | "failed";

export type Message =
  /** How do these tasks of yours stand? Tell me again when they end. `number` grows with every question. */
  | { readonly kind: "watch"; readonly number: number; readonly tasks: readonly string[] }
  /** `number`: of the question; 0: told unasked, and then of ends only. */
  | { readonly kind: "watched"; readonly number: number; readonly tasks: readonly (readonly [string, WatchedState])[] }
  /** How many tasks wait here that another node might execute. */
  | { readonly kind: "load"; readonly waiting: number }
  /** Give me up to `want` tasks. `life` and `number` make a question that comes twice a question that came once. */
  | { readonly kind: "steal"; readonly life: number; readonly number: number; readonly want: number }
  /**
   * Execute this; `life` is the asker's, in any other life it is void. Until it is renewed for the first time: again.
   */
  | {
      readonly kind: "lease";
      readonly life: number;
      readonly token: number;
      readonly task: AdmittedTask;
      readonly failures: number;
      readonly isFirst: boolean;
      readonly state: JsonValue | undefined;
      readonly leaseMs: Millis;
    }
  /** I still have these of yours. */
  | { readonly kind: "renew"; readonly tokens: readonly number[] }
  /** Go on with `tokens`; those of `over` are yours no more. */
  | { readonly kind: "renewed"; readonly tokens: readonly number[]; readonly over: readonly number[] }
  /** So ended an attempt of yours. Until it is received: again. */
  | { readonly kind: "result"; readonly token: number; readonly ended: EndedAttempt }
  | { readonly kind: "received"; readonly token: number };

const kinds: ReadonlySet<unknown> = new Set<Message["kind"]>([
  "watch",
  "watched",
  "load",
  "steal",
  "lease",
  "renew",
  "renewed",
  "result",
  "received",
]);

export const encodeMessage = (message: Message): Uint8Array => encode(message);

/** @returns undefined for what is no message of ours: damaged on the way. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !kinds.has(Reflect.get(value, "kind"))) return undefined;
  return value as Message;
}
