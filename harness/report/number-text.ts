/**
 * Numbers as people read them, the same in figures, report and terminal: three significant digits, thousands
 * separated, U+2212 as minus, en dashes in ranges. Exact counts keep all their digits.
 *
 * Not locale-aware on purpose: the same results read the same everywhere.
 */

/** Returns an exact count: `12,345`. */
export function formatCount(value: number): string {
  const digits = Math.abs(value).toFixed(0);
  return signOf(value) + groupThousands(digits);
}

/** Returns a measured value to `significant` digits, integers in full from there on: `0.0123`, `4.57`, `8,412`. */
export function formatMeasure(value: number, significant = 3): string {
  if (!Number.isFinite(value)) return value === Infinity ? "∞" : value === -Infinity ? "−∞" : "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return exponential(value, significant);
  const rounded = Number(size.toPrecision(significant));
  const decimals = Math.max(0, significant - 1 - Math.floor(Math.log10(rounded)));
  const [whole = "0", fraction] = (decimals === 0 ? size : rounded).toFixed(decimals).split(".");
  return signOf(value) + groupThousands(whole) + (fraction === undefined ? "" : `.${fraction}`);
}

/** Returns `low – high`, with the digits of `formatMeasure` and no-break spaces: a minus may follow the dash. */
export function formatRange(low: number, high: number): string {
  return `${formatMeasure(low)}\u00a0–\u00a0${formatMeasure(high)}`;
}

/** Returns `count` and its noun: `1 block`, `3 blocks`. */
export function formatQuantity(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function exponential(value: number, significant: number): string {
  const [mantissa = "0", exponent = "0"] = Math.abs(value)
    .toExponential(significant - 1)
    .split("e");
  const power = [...exponent.replace("+", "")].map((digit) => superscripts[Number(digit)] ?? "⁻").join("");
  return `${signOf(value)}${mantissa} × 10${power}`;
}

function signOf(value: number): string {
  return value < 0 ? "−" : "";
}

function groupThousands(digits: string): string {
  return digits.replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
