import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';
import { type FileMark, type Line, MAX_LINE_BYTES } from './line-reader.ts';

/** One record of a file, or the place of something that is none. */
export type FileRecord = { ok: true; text: string } & Place;
export type BrokenRecord = { ok: false; detail: string } & Place;
export interface Place {
  /** The line it begins on, counted from 1. */
  line: number;
  /** Where the next record begins. */
  end: FileMark;
}

const BYTE_ORDER_MARK = '\ufeff';
/** A quoted field may hold line breaks, but a quote that was never closed must not swallow the rest of the file. */
const MAX_RECORD_LINES = 100;

/** The text of a line without its carriage return; `undefined` = an empty line, which is no record. */
export function recordOfLine({ bytes, number, end, continues }: Line): FileRecord | BrokenRecord | undefined {
  const place = { line: number, end };
  if (!bytes) return { ok: false, detail: `line of more than ${MAX_LINE_BYTES} bytes`, ...place };
  if (!isUtf8(bytes)) return { ok: false, detail: 'not UTF-8', ...place };
  const text = bytes.toString('utf8');
  const bare = (number === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).replace(/\r$/, '');
  if (bare.trim() === '') return undefined;
  if (continues) return { ok: false, detail: 'continues a line that was taken as complete', ...place };
  return { ok: true, text: bare, ...place };
}

/** Puts the lines of a quoted field with line breaks together again. */
export interface CsvAssembler {
  add(lines: readonly Line[]): (FileRecord | BrokenRecord)[];
  /** Whether a quoted field is open, so that `finish` would give it up. */
  isOpen(): boolean;
  /** What is left at the end of the file. */
  finish(): (FileRecord | BrokenRecord)[];
}

export function createCsvAssembler(delimiter: string): CsvAssembler {
  let open: Line[] = [];
  let openBytes = 0;
  let quoted = false;

  /** The first line is given up as broken, the others are looked at again: one of them may be a whole record. */
  const breakOpen = (): (FileRecord | BrokenRecord)[] => {
    const [first, ...rest] = open as [Line, ...Line[]];
    reset();
    const detail = 'a quote opens and is not closed';
    return [{ ok: false, detail, line: first.number, end: first.end }, ...rest.flatMap(addLine)];
  };
  const reset = (): void => {
    open = [];
    openBytes = 0;
    quoted = false;
  };
  const addLine = (line: Line): (FileRecord | BrokenRecord)[] => {
    // A quote in the rest of a line opens nothing.
    if (line.bytes && !line.continues) quoted = endsQuoted(line.bytes, delimiter, quoted);
    if (open.length === 0 && !quoted) {
      const record = recordOfLine(line);
      return record ? [record] : [];
    }
    open.push(line);
    openBytes += line.bytes?.length ?? MAX_LINE_BYTES;
    if (open.length > MAX_RECORD_LINES || openBytes > MAX_LINE_BYTES) return breakOpen();
    if (quoted) return [];
    const bytes = Buffer.concat(open.flatMap(({ bytes }, at) => (at === 0 ? [bytes!] : [Buffer.from('\n'), bytes!])));
    const record = recordOfLine({ bytes, number: open[0]!.number, end: line.end });
    reset();
    return record ? [record] : [];
  };
  return {
    add: (lines) => lines.flatMap(addLine),
    isOpen: () => open.length > 0,
    finish: () => {
      const rest: (FileRecord | BrokenRecord)[] = [];
      while (open.length > 0) rest.push(...breakOpen());
      return rest;
    },
  };
}

const QUOTE = 0x22;

/** Whether a quoted field is still open at the end of the line. A quote opens only at the start of a field (RFC 4180). */
function endsQuoted(bytes: Buffer, delimiter: string, startsQuoted: boolean): boolean {
  if (!startsQuoted && !bytes.includes(QUOTE)) return false;
  const between = delimiter.charCodeAt(0);
  let quoted = startsQuoted;
  let fieldStart = !startsQuoted;
  let justClosed = false;
  for (const byte of bytes) {
    const isQuote = byte === QUOTE;
    const closes = isQuote && quoted;
    // A doubled quote closes and opens again.
    if (isQuote) quoted = !quoted && (fieldStart || justClosed);
    justClosed = closes;
    fieldStart = !quoted && byte === between;
  }
  return quoted;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;

/** The delimiter that stands most often outside quotes in the header; a guess from the rows goes wrong on times. */
export function detectDelimiter(header: string): string {
  const outside = header.replace(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => outside.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

export type CsvFields = { ok: true; fields: string[] } | { ok: false; detail: string };

/** The fields of each record. Together if all are sound, one by one if any is not, so that it fails alone. */
export function parseCsv(texts: readonly string[], delimiter: string): CsvFields[] {
  const together = tryParse(texts.join('\n'), delimiter);
  if (together.ok && together.rows.length === texts.length) {
    return together.rows.map((fields) => ({ ok: true, fields }));
  }
  return texts.map((text): CsvFields => {
    const alone = tryParse(text, delimiter);
    if (!alone.ok) return alone;
    const [fields] = alone.rows;
    return fields && alone.rows.length === 1 ? { ok: true, fields } : { ok: false, detail: 'not one record' };
  });
}

function tryParse(text: string, delimiter: string): { ok: true; rows: string[][] } | { ok: false; detail: string } {
  try {
    return { ok: true, rows: parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true }) };
  } catch (error) {
    if (error instanceof CsvError) return { ok: false, detail: error.message };
    throw error;
  }
}
