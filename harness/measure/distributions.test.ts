// Goal: the distribution functions are right to the digits the intervals need.
// Method: values of published tables; the binomial also against the sum of its probabilities.

import assert from "node:assert/strict";
import { test } from "node:test";
import { betaCdf, betaQuantile, binomialCdf, logGamma, normalCdf, normalQuantile } from "./distributions.ts";

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is within ${tolerance} of ${expected}`);
}

test("the normal distribution matches the tables", () => {
  near(normalCdf(0), 0.5, 0);
  near(normalCdf(1.6448536269514722), 0.95, 1e-14);
  near(normalCdf(-3), 0.0013498980316300946, 1e-15);
  near(normalCdf(5), 0.9999997133484281, 1e-15);
  near(normalQuantile(0.975), 1.959963984540054, 1e-12);
  near(normalQuantile(0.05), -1.6448536269514722, 1e-12);
});

test("the gamma function matches factorials and the half", () => {
  near(logGamma(0.5), Math.log(Math.sqrt(Math.PI)), 1e-13);
  near(logGamma(11), Math.log(3628800), 1e-12);
});

test("the binomial distribution is the sum of its probabilities", () => {
  for (const [trials, chance] of [
    [1, 0.5],
    [10, 0.5],
    [37, 0.1],
    [200, 0.97],
  ] as const) {
    let sum = 0;
    let probability = (1 - chance) ** trials;
    for (let successes = 0; successes < trials; successes++) {
      sum += probability;
      probability *= ((trials - successes) / (successes + 1)) * (chance / (1 - chance));
      near(binomialCdf(successes, trials, chance), sum, 1e-11);
    }
  }
});

test("the beta distribution is symmetric and its quantile inverts it", () => {
  near(betaCdf(0.3, 2, 5) + betaCdf(0.7, 5, 2), 1, 1e-14);
  near(betaCdf(betaQuantile(0.025, 8, 3), 8, 3), 0.025, 1e-13);
});
