/** Middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share 0 = smallest, 1 = largest; between two values it is interpolated */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('no values, expected at least one');
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const geometricMean = (values: readonly number[]): number => Math.exp(mean(values.map(Math.log)));

/** Three digits that mean something: 1,230 · 45.6 · 0.0789. */
export function short(value: number): string {
  if (value === 0) return '0';
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 100 ? rounded.toLocaleString('en-US') : withoutExponent(value);
}

function withoutExponent(value: number): string {
  const text = value.toPrecision(3);
  return text.includes('e') ? value.toFixed(6) : text;
}

/** `5.1 (4.9–5.3)`: median, smallest, largest. */
export function spread(values: readonly number[]): string {
  return values.length === 1
    ? short(values[0]!)
    : `${short(median(values))} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

/** Round by round, `a` against `b` of the same round. */
export const ratios = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, index) => value / b[index]!);

export const megabytes = (bytes: number): number => bytes / 1e6;
