/** What clients send: bytes from outside, of which nothing is believed. */

import { decode } from "../foundation/codec.ts";

/**
 * Returns the request that a client's message is; undefined when it was damaged on the way, which to a datagram
 * protocol is a lost message, or says something else than a request (a number, nil). Neither is a reason for a node to
 * end. Whether what the request asks for makes sense is for whoever serves it.
 */
export function decodeRequest(bytes: Uint8Array): object | undefined {
  let request: unknown;
  try {
    request = decode(bytes);
  } catch {
    return undefined;
  }
  return isObject(request) ? request : undefined;
}

/** Whether `request` asks for an operation or a command at all. */
export function asksForSomething(request: { readonly operation?: unknown; readonly command?: unknown }): boolean {
  return isObject("command" in request ? request.command : request.operation);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
