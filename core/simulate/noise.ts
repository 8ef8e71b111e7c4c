/**
 * Numbers that look random and are a pure function of what they are asked for, so that a simulated device needs no
 * memory: any moment of any series can be computed alone, in any order, on any machine.
 */

const TWO_32 = 2 ** 32;

/** 32 bits from text (FNV-1a, then mixed): names that differ little give seeds that differ in every bit. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
}

/** A seed for one aspect of a series, such as its noise or its faults. */
export const subSeed = (seed: number, aspect: number): number => mix(seed + Math.imul(aspect, 0x9e3779b9));

/** 0 ≤ x < 1. `n` is a whole number up to 2^53, such as a time in ms. */
export function uniform(seed: number, n: number): number {
  return mix(mix(seed ^ n) + Math.imul(Math.floor(n / TWO_32), 0x85ebca6b)) / TWO_32;
}

/** Standard normal (Box–Muller). */
export function gaussian(seed: number, n: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, n)));
  return radius * Math.cos(2 * Math.PI * uniform(~seed, n));
}

/** −1 … 1, smooth, with a new random goal every `periodMs` (value noise with a smoothstep between the goals). */
export function wander(seed: number, timeMs: number, periodMs: number): number {
  const index = Math.floor(timeMs / periodMs);
  const part = timeMs / periodMs - index;
  const smooth = part * part * (3 - 2 * part);
  const from = uniform(seed, index);
  return 2 * (from + (uniform(seed, index + 1) - from) * smooth) - 1;
}

/** Something that begins at random moments, on average once in `meanMs`: its number and when it began. */
export interface Spell {
  index: number;
  startMs: number;
}

/** The spell that reigns at a time. One begins somewhere within each `meanMs`, so starts never swap. */
export function spellAt(seed: number, timeMs: number, meanMs: number): Spell {
  const index = Math.floor(timeMs / meanMs);
  const startMs = (index + uniform(seed, index)) * meanMs;
  if (startMs <= timeMs) return { index, startMs };
  return { index: index - 1, startMs: (index - 1 + uniform(seed, index - 1)) * meanMs };
}

/** Full avalanche of 32 bits (the finalizer "triple32" family, constants by C. Wellons, hash-prospector). */
function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}
