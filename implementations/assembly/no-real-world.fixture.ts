/**
 * Takes the real world away: while `work` runs, every clock, timer, source of randomness, file, socket and process of
 * Node throws when it is touched. `setImmediate` stays: between two slices of a simulation it gives people a turn.
 */

import childProcess from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import { AssertionError } from "../foundation/assert.ts";

/** Where a function hangs, and its name there. */
type Place = readonly [holder: object, name: string, label: string];

const places: readonly Place[] = [
  [Math, "random", "Math.random"],
  [globalThis, "Date", "Date"],
  [performance, "now", "performance.now"],
  [process, "hrtime", "process.hrtime"],
  [process, "uptime", "process.uptime"],
  ...["setTimeout", "setInterval", "fetch"].map((name): Place => [globalThis, name, name]),
  ...["randomUUID", "getRandomValues"].map((name): Place => [globalThis.crypto, name, `crypto.${name}`]),
  ...membersOf("node:timers", timers, ["setTimeout", "setInterval"]),
  ...membersOf("node:timers/promises", timersPromises, ["setTimeout", "setInterval"]),
  ...membersOf("node:crypto", crypto, ["randomUUID", "randomBytes", "randomInt", "randomFillSync"]),
  ...membersOf("node:fs", fs, [
    "openSync",
    "open",
    "readFileSync",
    "writeFileSync",
    "mkdirSync",
    "statSync",
    "existsSync",
  ]),
  ...membersOf("node:fs/promises", fs.promises, ["open", "readFile", "writeFile", "mkdir", "rm", "stat"]),
  ...membersOf("node:net", net, ["connect", "createConnection", "createServer"]),
  ...membersOf("node:child_process", childProcess, ["spawn", "spawnSync", "fork", "execFile"]),
];

/** What is taken away, for the test that each of them does throw. */
export const takenAway: readonly string[] = places.map(([, , label]) => label);

/** @returns what `work` gives. Everything is as before afterwards, also when it throws. */
export async function withoutRealWorld<T>(work: () => T | Promise<T>): Promise<T> {
  const originals = places.map(([holder, name]) => Object.getOwnPropertyDescriptor(holder, name));
  try {
    for (const [holder, name, label] of places) {
      const value = (): never => {
        throw new AssertionError(`${label} was touched in the simulated world`);
      };
      Object.defineProperty(holder, name, { value, configurable: true, writable: true });
    }
    syncBuiltinESMExports(); // Named imports of Node's modules see it too.
    return await work();
  } finally {
    for (const [index, [holder, name]] of places.entries()) {
      const original = originals[index];
      if (original === undefined)
        Reflect.deleteProperty(holder, name); // It was inherited.
      else Object.defineProperty(holder, name, original);
    }
    syncBuiltinESMExports();
  }
}

/** Touches everything that is taken away. @returns the labels of what answered instead of throwing. */
export function answering(): readonly string[] {
  return places
    .filter(([holder, name]) => {
      try {
        (Reflect.get(holder, name) as () => unknown)();
        return true;
      } catch (error) {
        return !(error instanceof AssertionError);
      }
    })
    .map(([, , label]) => label);
}

function membersOf(module: string, holder: object, names: readonly string[]): Place[] {
  return names.map((name) => [holder, name, `${module} ${name}`]);
}
