/**
 * A number of 53 bits for a text: two texts of one id that differ have the same one with probability 2^-53.
 *
 * Not for secrets: whoever wants two tasks to look the same can find such, and gains that his second one is taken for
 * his first.
 *
 * @see bryc, "cyrb53", public domain; the multipliers are those of xxHash and MurmurHash3.
 */

export function contentDigest(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return 0x1_0000_0000 * (low & 0x1fffff) + (high >>> 0);
}
