const MIN_MATCH = 4;

/**
 * Expands an LZ4 block (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md) to exactly `rawLength` bytes;
 * undefined if it is none. lz4js writes the same format, but its reader runs over the ends of both sides without a
 * word, and works through 255 times its input whatever comes.
 */
export function expandLz4Block(bytes: Uint8Array, rawLength: number): Uint8Array | undefined {
  const raw = new Uint8Array(rawLength);
  let from = 0;
  let to = 0;

  /** A length of 15 goes on in the next bytes until one is not 255; −1 = beyond the end. */
  const lengthFrom = (nibble: number): number => {
    if (nibble < 15) return nibble;
    let length = nibble;
    for (;;) {
      const more = bytes[from++];
      if (more === undefined) return -1;
      length += more;
      if (more < 255) return length;
    }
  };

  while (from < bytes.length) {
    const token = bytes[from++]!;
    const literals = lengthFrom(token >> 4);
    if (literals < 0 || from + literals > bytes.length || to + literals > rawLength) return undefined;
    raw.set(bytes.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    // The last sequence has literals only.
    if (from === bytes.length) return to === rawLength ? raw : undefined;
    if (from + 2 > bytes.length) return undefined;
    const offset = bytes[from]! | (bytes[from + 1]! << 8);
    from += 2;
    const length = lengthFrom(token & 15) + MIN_MATCH;
    if (length < MIN_MATCH || offset === 0 || offset > to || to + length > rawLength) return undefined;
    // Byte by byte: a match may run into what it writes.
    for (const end = to + length; to < end; to++) raw[to] = raw[to - offset]!;
  }
  return undefined;
}
