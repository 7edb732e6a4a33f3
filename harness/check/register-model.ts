/**
 * Registers as sequential models: read and write, with or without compare-and-swap.
 *
 * The rule of what an operation does is a parameter, so that an executable specification can itself be the model; the
 * rule built in here is the plain one. Given rules must agree with the plain one on what a register is: the shortcut
 * and the lookahead rely on it. The checker replays every linearization the shortcut finds through the given rule.
 */

import { unreachable } from "../../implementations/foundation/assert.ts";
import type { ConsensusOperation, ConsensusReply } from "../../implementations/consensus/contract.ts";
import type { Operation } from "../history/operations.ts";
import type { HistoryFunction } from "../history/event.ts";
import type { Model } from "./model.ts";
import { RegisterLookahead } from "./register-lookahead.ts";
import { casValues, registerValue } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";
import { judgeUniqueWrites } from "./register-zones.ts";

/** What one operation does to one register, and what the client is told. */
export type ApplyToRegister = (
  value: string | null,
  operation: ConsensusOperation,
) => { readonly value: string | null; readonly reply: ConsensusReply };

const modelFunctions: Readonly<Record<"register" | "cas-register", ReadonlySet<HistoryFunction>>> = {
  register: new Set(["read", "write"]),
  "cas-register": new Set(["read", "write", "cas"]),
};

/**
 * Returns the model of a register that nobody has written yet.
 *
 * @param apply the rule; default: the plain one.
 * @param name which operations it knows; default: all.
 */
export function registerModel(
  apply: ApplyToRegister = applyPlainly,
  name: "register" | "cas-register" = "cas-register",
): Model<RegisterValue> {
  return {
    name,
    functions: modelFunctions[name],
    initial: null,
    step: (state, operation) => stepRegister(apply, state, operation),
    identity: (state) => state,
    isObservation: (operation) => operation.f === "read" || operation.outcome === "fail",
    describe: (state) => state ?? "nothing (never written)",
    lookahead: (operations) => new RegisterLookahead(operations),
    shortcut: judgeUniqueWrites,
  };
}

/** What a register is, in its plainest form. */
export function applyPlainly(value: string | null, operation: ConsensusOperation): ReturnType<ApplyToRegister> {
  switch (operation.kind) {
    case "read":
      return { value, reply: { kind: "ok", result: { kind: "read", value } } };
    case "write":
      return { value: operation.value, reply: { kind: "ok", result: { kind: "write" } } };
    case "cas":
      if (value !== operation.from) return { value, reply: { kind: "error", code: "PRECONDITION_FAILED" } };
      return { value: operation.to, reply: { kind: "ok", result: { kind: "cas" } } };
    case "append":
      return { value, reply: { kind: "error", code: "MALFORMED_REQUEST" } };
    default:
      return unreachable(operation);
  }
}

function stepRegister(apply: ApplyToRegister, state: RegisterValue, operation: Operation): RegisterValue | undefined {
  const request = requestOf(operation);
  if (request === undefined) return undefined;
  const { value, reply } = apply(state, request);
  if (operation.outcome === "fail") {
    return reply.kind === "error" && reply.code === "PRECONDITION_FAILED" ? value : undefined;
  }
  if (reply.kind === "error") return undefined;
  if (reply.result.kind === "read" && reply.result.value !== registerValue(operation.result)) return undefined;
  return value;
}

function requestOf(operation: Operation): ConsensusOperation | undefined {
  const key = operation.key ?? "";
  if (operation.f === "read") return { kind: "read", key };
  if (operation.f === "cas") {
    const [from, to] = casValues(operation);
    return to === null ? undefined : { kind: "cas", key, from, to };
  }
  const value = registerValue(operation.argument);
  return operation.f === "write" && value !== null ? { kind: "write", key, value } : undefined;
}
