/** A line of a file as it stands there. A carriage return at its end belongs to it. */
export interface Line {
  /** undefined = longer than the limit, its bytes were dropped. */
  bytes: Buffer | undefined;
  /** Counted from 1. */
  number: number;
  /** Where the next line begins. */
  end: FileMark;
  /** It is the rest of a line whose beginning was taken as a whole line at an earlier reading. */
  continues?: true;
}

/** A place between two lines of the (uncompressed) text, or after a last line without line end. */
export interface FileMark {
  /** Bytes before it. */
  offset: number;
  /** Line ends before it. */
  lines: number;
  /** The bytes before it, at most TAIL_BYTES: by them the place is known again. */
  tail: Buffer;
}

export const TAIL_BYTES = 256;
export const FILE_START: FileMark = { offset: 0, lines: 0, tail: Buffer.alloc(0) };
export const MAX_LINE_BYTES = 1024 ** 2;
const LINE_FEED = 0x0a;

export const isLineStart = ({ tail }: FileMark): boolean => tail.length === 0 || tail.at(-1) === LINE_FEED;

/**
 * Asked when the bytes end inside a line or a record: whether that may be taken as it is. `false` = more may come, so
 * it is left for a later reading.
 */
export type MayFinish = () => Promise<boolean>;

/**
 * Cuts a stream of bytes, which begins at `from`, into lines; many at a time, because a step of an async iteration
 * costs more than a line. Of an over-long line only the place is kept, so memory is bounded whatever the file holds.
 *
 * @param mayFinish asked about a last line without line end
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  from: FileMark,
  mayFinish: MayFinish,
): AsyncGenerator<Line[]> {
  let { offset, lines, tail } = from;
  let continues = !isLineStart(from);
  let parts: Buffer[] = [];
  let length = 0;

  const keep = (part: Buffer): void => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  const take = (feed: 0 | 1, end: FileMark['tail']): Line => {
    const bytes = length > MAX_LINE_BYTES ? undefined : parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    offset += length + feed;
    const number = lines + 1;
    lines += feed;
    parts = [];
    length = 0;
    const line: Line = { bytes, number, end: { offset, lines, tail: end } };
    if (continues) line.continues = true;
    continues = false;
    return line;
  };

  for await (const chunk of chunks) {
    const cut: Line[] = [];
    const known = Buffer.concat([tail, chunk]);
    const tailAt = (end: number): Buffer =>
      known.subarray(Math.max(0, tail.length + end - TAIL_BYTES), tail.length + end);
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      cut.push(take(1, tailAt(start)));
    }
    if (start < chunk.length) keep(chunk.subarray(start));
    tail = tailAt(chunk.length);
    if (cut.length > 0) yield cut;
  }
  if (length > 0 && (await mayFinish())) yield [take(0, tail)];
}
