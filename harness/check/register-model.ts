/**
 * Registers as sequential models: read, write and delete, with or without compare-and-swap.
 *
 * The rule of what an operation does is a parameter, so that an executable specification can itself be the model; the
 * rule built in here is the plain one. Given rules must agree with the plain one on what a register is: the shortcut
 * and the lookahead rely on it. The checker replays every linearization the shortcut finds through the given rule.
 */

import { unreachable } from "../../implementations/foundation/assert.ts";
import type { ConsensusOperation, ConsensusReply } from "../../implementations/consensus/contract.ts";
import type { ErrorCode } from "../../implementations/foundation/errors.ts";
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

/** The same for a delete, which registers of consensus do not have. */
export type ApplyDelete = (value: string | null) => {
  readonly value: string | null;
  readonly reply: { readonly kind: "ok" } | { readonly kind: "error"; readonly code: ErrorCode };
};

const modelFunctions: Readonly<Record<"register" | "cas-register", ReadonlySet<HistoryFunction>>> = {
  register: new Set(["read", "write", "delete"]),
  "cas-register": new Set(["read", "write", "delete", "cas"]),
};

/**
 * Returns the model of a register that nobody has written yet.
 *
 * @param apply the rule; default: the plain one.
 * @param name which operations it knows; default: all.
 * @param applyDelete the rule of deletes; default: the plain one.
 */
export function registerModel(
  apply: ApplyToRegister = applyPlainly,
  name: "register" | "cas-register" = "cas-register",
  applyDelete: ApplyDelete = deletePlainly,
): Model<RegisterValue> {
  return {
    name,
    functions: modelFunctions[name],
    initial: null,
    step: (state, operation) =>
      operation.f === "delete" ? stepDelete(applyDelete, state, operation) : stepRegister(apply, state, operation),
    identity: (state) => state,
    isObservation: (operation) => operation.f === "read" || operation.outcome === "fail",
    effectOf: ({ f, argument }) => `${f} ${JSON.stringify(argument)}`,
    describe: (state) => state ?? "nothing (never written, or deleted)",
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

function deletePlainly(value: string | null): ReturnType<ApplyDelete> {
  if (value === null) return { value, reply: { kind: "error", code: "NOT_FOUND" } };
  return { value: null, reply: { kind: "ok" } };
}

/** A delete of unknown outcome that found nothing did nothing. */
function stepDelete(apply: ApplyDelete, state: RegisterValue, operation: Operation): RegisterValue | undefined {
  const { value, reply } = apply(state);
  if (operation.outcome === "info") return value;
  const isFound = reply.kind === "ok";
  if (operation.outcome === "ok") return isFound ? value : undefined;
  return !isFound && reply.code === "NOT_FOUND" ? value : undefined;
}

function stepRegister(apply: ApplyToRegister, state: RegisterValue, operation: Operation): RegisterValue | undefined {
  const request = requestOf(operation);
  if (request === undefined) return stepToNothing(state, operation);
  const { value, reply } = apply(state, request);
  if (operation.outcome === "fail") {
    return reply.kind === "error" && reply.code === "PRECONDITION_FAILED" ? value : undefined;
  }
  if (reply.kind === "error") return undefined;
  if (reply.result.kind === "read" && reply.result.value !== registerValue(operation.result)) return undefined;
  return value;
}

/** Foreign histories write nil, which the rules handed in do not know: it empties the register. */
function stepToNothing(state: RegisterValue, operation: Operation): RegisterValue | undefined {
  if (operation.f !== "cas") return null;
  const isMatch = casValues(operation)[0] === state;
  if (operation.outcome === "fail") return isMatch ? undefined : state;
  return isMatch ? null : undefined;
}

/** undefined where it would write null. */
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
