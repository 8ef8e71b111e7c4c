const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

export const BYTES_PATTERN = /^(\d+(?:\.\d+)?)\s?(B|kB|MB|GB|KiB|MiB|GiB)$/;

/**
 * Bytes of a size such as `64MiB` or `1.5 GB`; undefined if the text is none.
 *
 * @example parseBytes('64MiB') // 67108864
 */
export function parseBytes(text: string): number | undefined {
  const match = BYTES_PATTERN.exec(text);
  return match ? Math.round(Number(match[1]) * UNITS[match[2]!]!) : undefined;
}

/** A size for a person: 1536 → `1.5 kB`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['GB', 'MB', 'kB']) {
    const size = UNITS[unit]!;
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}
