/** A line of a file as it stands there. A carriage return at its end belongs to it. */
export interface Line {
  /** undefined = longer than the limit, its bytes were dropped. */
  bytes: Buffer | undefined;
  /** Counted from 1. */
  number: number;
  /** Where the next line begins. */
  end: FileMark;
}

/** A place between two lines of the (uncompressed) text. */
export interface FileMark {
  /** Bytes before it. */
  offset: number;
  /** Line ends before it. */
  lines: number;
}

export const FILE_START: FileMark = { offset: 0, lines: 0 };
export const MAX_LINE_BYTES = 1024 ** 2;
const LINE_FEED = 0x0a;

/**
 * Cuts a stream of bytes, which begins at `from`, into lines; many at a time, because a step of an async iteration
 * costs more than a line. Of an over-long line only the place is kept, so memory is bounded whatever the file holds.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, from: FileMark): AsyncGenerator<Line[]> {
  let { offset, lines } = from;
  let parts: Buffer[] = [];
  let length = 0;

  const keep = (part: Buffer): void => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  const take = (feed: 0 | 1): Line => {
    const bytes = length > MAX_LINE_BYTES ? undefined : parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    offset += length + feed;
    const number = lines + 1;
    lines += feed;
    parts = [];
    length = 0;
    return { bytes, number, end: { offset, lines } };
  };

  for await (const chunk of chunks) {
    const cut: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end));
      cut.push(take(1));
      start = end + 1;
    }
    if (start < chunk.length) keep(chunk.subarray(start));
    if (cut.length > 0) yield cut;
  }
  if (length > 0) yield [take(0)];
}
