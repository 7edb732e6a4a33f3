/**
 * Latencies of many operations in constant memory: recorded as whole nanoseconds in an HDR histogram with three
 * significant digits, so a percentile is off by at most 0.1 %. Mean and maximum are exact, kept beside it.
 *
 * It takes the latency it is given. Whether that counts from the intended or the actual start is decided where the
 * latency is formed; nothing is corrected for coordinated omission afterwards.
 *
 * @see Tene, HdrHistogram: values grouped so that the relative width of a group is bounded.
 */

import { build } from "hdr-histogram-js";
import { assert } from "../../implementations/foundation/assert.ts";
import type { Millis } from "../../implementations/foundation/units.ts";

/** What the `latency` table holds of a histogram; the percentiles are undefined when nothing was recorded. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: Millis | undefined;
  readonly p50Ms: Millis | undefined;
  readonly p90Ms: Millis | undefined;
  readonly p99Ms: Millis | undefined;
  readonly p999Ms: Millis | undefined;
  readonly maxMs: Millis | undefined;
}

const nanosPerMs = 1e6;

export class LatencyHistogram {
  readonly #histogram = build({ numberOfSignificantValueDigits: 3 });
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Records one latency, at least 0 and below 100 days. @throws AssertionError on any other number. */
  record(latencyMs: Millis): void {
    const nanos = Math.round(latencyMs * nanosPerMs);
    assert(nanos >= 0 && nanos <= Number.MAX_SAFE_INTEGER, `latency ${latencyMs} ms lies in [0, 100 days]`);
    this.#histogram.recordValue(nanos);
    this.#count++;
    this.#sumMs += latencyMs;
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds everything `other` recorded, as if it had been recorded here. */
  merge(other: LatencyHistogram): void {
    this.#histogram.add(other.#histogram);
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /** Returns the latency that `quantile` (in (0, 1]) of the operations did not exceed; undefined without operations. */
  quantileMs(quantile: number): Millis | undefined {
    assert(quantile > 0 && quantile <= 1, `quantile ${quantile} lies in (0, 1]`);
    if (this.#count === 0) return undefined;
    // A group reports its upper end, which can pass the exact maximum.
    return Math.min(this.#histogram.getValueAtPercentile(quantile * 100) / nanosPerMs, this.#maxMs);
  }

  summary(): LatencySummary {
    const some = this.#count > 0;
    return {
      count: this.#count,
      meanMs: some ? this.#sumMs / this.#count : undefined,
      p50Ms: this.quantileMs(0.5),
      p90Ms: this.quantileMs(0.9),
      p99Ms: this.quantileMs(0.99),
      p999Ms: this.quantileMs(0.999),
      maxMs: some ? this.#maxMs : undefined,
    };
  }
}
