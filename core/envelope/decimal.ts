/** Scale of a series whose numbers are not short decimals: they travel as they are. */
export const RAW = 10;
const MAX_SCALE = 9;
/** Below it value × 10^scale is off by less than ½, so that rounding finds the integer; 15 digits fit. */
const MAX_SCALED = 2 ** 50;
const POWERS = Array.from({ length: MAX_SCALE + 1 }, (_, scale) => 10 ** scale);

/**
 * The smallest scale ≤ 9 with which every value is exactly an integer / 10^scale, else RAW. An instrument's 21.37 is
 * 2137 / 100: the division gives the same float64 because it is rounded correctly (IEEE 754).
 */
export function scaleOf(values: Float64Array, count: number): number {
  let scale = 0;
  let largest = 0;
  for (let at = 0; at < count; at++) {
    const value = values[at]!;
    // −0 has no integer.
    if (value === 0 && Object.is(value, -0)) return RAW;
    while (Math.round(value * POWERS[scale]!) / POWERS[scale]! !== value) if (++scale > MAX_SCALE) return RAW;
    largest = Math.max(largest, Math.abs(value));
  }
  // Infinity and NaN end here or in the loop above: the raw column refuses them.
  return largest * POWERS[scale]! < MAX_SCALED ? scale : RAW;
}

/** value × 10^scale; exact for a scale that `scaleOf` gave. */
export const scaledUp = (value: number, scale: number): number => Math.round(value * POWERS[scale]!);
export const scaledDown = (integer: number, scale: number): number => integer / POWERS[scale]!;
