// Goal: the paired estimate finds what is there and nothing that is not.
// Method: the sign-flip interval against enumeration of all sign flips and against published examples; the BCa interval
// against Efron and Tibshirani's worked example; then whole experiments with a known effect: none (A/A) and 10 %.
// A failing property prints seed and path; pass both to fc.assert to replay it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Random } from "../../implementations/foundation/effects.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { bcaBootstrap } from "./bca-bootstrap.ts";
import { pairedRatio } from "./paired.ts";
import { hodgesLehmann, rankSumChances, signFlipInterval, walshAverages } from "./signed-rank.ts";

/** Two-sided p-value of the sign-flip test that the centre is `shift`, by trying every sign flip. */
function enumeratedPValue(differences: readonly number[], shift: number): number {
  const moved = differences.map((difference) => difference - shift);
  const bySize = moved.map((_, index) => index).sort((a, b) => Math.abs(moved[a] ?? 0) - Math.abs(moved[b] ?? 0));
  const observed = bySize.reduce((sum, index, rank) => sum + ((moved[index] ?? 0) > 0 ? rank + 1 : 0), 0);
  let below = 0;
  let above = 0;
  const flips = 2 ** differences.length;
  for (let flip = 0; flip < flips; flip++) {
    let sum = 0;
    for (let rank = 1; rank <= differences.length; rank++) if (flip & (1 << (rank - 1))) sum += rank;
    if (sum <= observed) below++;
    if (sum >= observed) above++;
  }
  return Math.min(1, (2 * Math.min(below, above)) / flips);
}

test("the rank sum's distribution matches the tables", () => {
  const upTo = (n: number, w: number): number =>
    rankSumChances(n)
      .slice(0, w + 1)
      .reduce((sum, chance) => sum + chance, 0);
  assert.equal(upTo(6, 0), 1 / 64);
  assert.equal(upTo(10, 8), 25 / 1024);
  assert.ok(upTo(20, 52) <= 0.025 && upTo(20, 53) > 0.025);
  assert.ok(Math.abs(rankSumChances(40).reduce((sum, chance) => sum + chance, 0) - 1) < 1e-12);
});

test("the interval holds exactly the shifts that enumerating all sign flips does not refuse", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 3, maxLength: 8 }),
      fc.constantFrom(0.9 as const, 0.95 as const),
      (raw, level) => {
        // A small distinct irrational per position, so that no two Walsh averages tie.
        const differences = raw.map((value, index) => value + Math.sqrt(index + 2) * 1e-3);
        const interval = signFlipInterval(differences, level);
        const averages = walshAverages(differences);
        for (let index = 1; index < averages.length; index++) {
          const [before, after] = [averages[index - 1] ?? 0, averages[index] ?? 0];
          if (after - before < 1e-9) continue;
          const shift = (before + after) / 2;
          const held = interval.low <= shift && shift <= interval.high;
          assert.equal(held, enumeratedPValue(differences, shift) > 1 - level + 1e-12, `shift ${shift}`);
        }
      },
    ),
    { seed: 20, numRuns: 60 },
  );
});

test("Hollander and Wolfe's depression scores give their estimate and interval", () => {
  const before = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
  const after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
  const differences = after.map((value, index) => value - (before[index] ?? 0));
  assert.ok(Math.abs(hodgesLehmann(differences) + 0.46) < 0.005);
  const { low, high, coverage } = signFlipInterval(differences, 0.95);
  assert.deepEqual([Number(low.toFixed(3)), Number(high.toFixed(3))], [-0.786, -0.01]);
  assert.ok(Math.abs(coverage - 0.961) < 0.001);
});

test("Efron and Tibshirani's spatial data give their BCa interval of the variance", () => {
  const scores = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41];
  const variance = (values: readonly number[]): number => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  };
  assert.ok(Math.abs(variance(scores) - 171.5) < 0.1);
  const { low, high } = bcaBootstrap(scores, variance, seededRandom("spatial"), 20_000)(0.9);
  assert.ok(Math.abs(low - 115.8) < 3, `lower end ${low}, published 115.8`);
  assert.ok(Math.abs(high - 259.6) < 5, `upper end ${high}, published 259.6`);
});

/** Blocks that share a machine's mood (20 %), with 3 % noise of their own and `effect` between them. */
function blocks(random: Random, n: number, effect: number): { of: number; to: number }[] {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
  return Array.from({ length: n }, () => {
    const mood = Math.exp(0.2 * normal());
    return { of: 100 * mood * effect * Math.exp(0.03 * normal()), to: 100 * mood * Math.exp(0.03 * normal()) };
  });
}

for (const [n, trials] of [
  [6, 500],
  [12, 500],
  [24, 10],
] as const) {
  test(`A/A: with ${n} blocks the 90 % interval holds 1 as often as it says`, () => {
    const random = seededRandom(`a/a ${n}`);
    let covered = 0;
    for (let trial = 0; trial < trials; trial++) {
      const { interval90 } = pairedRatio(blocks(random, n, 1), random);
      if (interval90.low <= 1 && 1 <= interval90.high) covered++;
    }
    const allowance = 2.6 * Math.sqrt((0.9 * 0.1) / trials);
    assert.ok(covered / trials >= 0.9 - allowance, `${covered} of ${trials} intervals held 1`);
  });
}

test("an injected 10 % slowdown is found with 8 blocks, in at least 99 of 100 experiments", () => {
  const random = seededRandom("slowdown");
  let found = 0;
  for (let trial = 0; trial < 100; trial++) if (pairedRatio(blocks(random, 8, 1.1), random).interval95.low > 1) found++;
  assert.ok(found >= 99, `found in ${found} of 100`);
});

test("one stalled block moves the estimate little, and is not dropped", () => {
  const sound = blocks(seededRandom("stalled block"), 10, 1.1);
  const stalled = sound.map((pair, index) => (index === 4 ? { of: pair.of * 50, to: pair.to } : pair));
  const [before, after] = [pairedRatio(sound, seededRandom(1)), pairedRatio(stalled, seededRandom(1))];
  assert.equal(after.n, 10);
  assert.ok(after.estimate / before.estimate < 1.03 && after.interval95.high >= before.interval95.high);
});

test("the same seed gives the same interval, and swapping the sides inverts the ratio", () => {
  const pairs = blocks(seededRandom("swap"), 9, 1.3);
  const there = pairedRatio(pairs, seededRandom(7));
  const back = pairedRatio(
    pairs.map(({ of, to }) => ({ of: to, to: of })),
    seededRandom(7),
  );
  assert.ok(Math.abs(there.estimate * back.estimate - 1) < 1e-12);
  assert.ok(Math.abs(there.interval90.low * back.interval90.high - 1) < 1e-12);
  const many = blocks(seededRandom("many"), 25, 1.3);
  assert.deepEqual(pairedRatio(many, seededRandom(7)), pairedRatio(many, seededRandom(7)));
});

test("few pairs bound nothing, and a value that is not above 0 has no ratio", () => {
  const { interval90, estimate } = pairedRatio([{ of: 2, to: 1 }], seededRandom(1));
  assert.deepEqual([interval90.low, interval90.high], [0, Infinity]);
  assert.ok(Math.abs(estimate - 2) < 1e-12);
  assert.throws(() => pairedRatio([{ of: 0, to: 1 }], seededRandom(1)), /above 0/);
});
