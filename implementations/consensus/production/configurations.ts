/**
 * Which configuration holds at which index of one node's log.
 *
 * A configuration holds from the moment its entry is in the log, committed or not: waiting for the commit would let the
 * entry be committed by the very majority it replaces. So it goes with its entry as well: when the log is cut, the one
 * before it holds again.
 *
 * @see Ongaro & Ousterhout 2014, section 6: "A server always uses the latest configuration in its log".
 */

import { assert } from "../../foundation/assert.ts";
import type { Configuration } from "./configuration.ts";
import { decodeConfiguration, isConfigurationPayload } from "./configuration.ts";
import type { Entry } from "./messages.ts";

interface Held {
  readonly index: number;
  readonly configuration: Configuration;
}

export class Configurations {
  /** Ascending; the first stands for everything before the second. */
  #held: Held[];

  /** @param base holds at `index`, where the log begins. */
  constructor(index: number, base: Configuration, entries: readonly Entry[]) {
    this.#held = [{ index, configuration: base }];
    this.append(entries);
  }

  /** The newest one in the log. */
  get current(): Configuration {
    return this.#newest.configuration;
  }

  /** Where its entry stands; that of the log's beginning, if no entry since changed it. */
  get currentIndex(): number {
    return this.#newest.index;
  }

  /** Returns the configuration that holds at `index`, which is not before the newest snapshot. */
  at(index: number): Configuration {
    const held = this.#held.findLast((each) => each.index <= index);
    assert(held !== undefined, `the configuration at index ${index} is known`);
    return held.configuration;
  }

  /** The log grew by `entries`. @returns whether another configuration holds now. */
  append(entries: readonly Entry[]): boolean {
    const before = this.#held.length;
    for (const { index, payload } of entries) {
      if (isConfigurationPayload(payload)) this.#held.push({ index, configuration: decodeConfiguration(payload) });
    }
    return this.#held.length > before;
  }

  /** The log was cut after `index`. @returns whether another configuration holds now. */
  cutAfter(index: number): boolean {
    const before = this.#held.length;
    while (this.#held.length > 1 && this.#newest.index > index) this.#held.pop();
    return this.#held.length < before;
  }

  /** Nothing before `index` will be asked for any more. */
  compactThrough(index: number): void {
    const first = this.#held.findLastIndex((each) => each.index <= index);
    if (first > 0) this.#held = this.#held.slice(first);
  }

  /** The log begins anew after a snapshot. @returns whether another configuration holds now. */
  restartAfter(index: number, configuration: Configuration): boolean {
    const before = this.current;
    this.#held = [{ index, configuration }];
    return before !== configuration;
  }

  get #newest(): Held {
    const newest = this.#held.at(-1);
    assert(newest !== undefined, "some configuration holds");
    return newest;
  }
}
