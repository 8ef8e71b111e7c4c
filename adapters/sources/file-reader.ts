import type { FileSourceConfig } from '../../core/fleet.ts';
import type { StreamPlan } from '../../core/node-plan.ts';
import {
  type BrokenRecord,
  createCsvAssembler,
  detectDelimiter,
  type FileRecord,
  type Place,
  parseCsv,
  recordOfLine,
} from './csv-records.ts';
import { readBytes } from './file-bytes.ts';
import {
  type CsvColumns,
  createCsvRowParser,
  createNdjsonRowParser,
  type FileRow,
  hasUnnamedColumn,
  missingColumns,
  type RowParser,
} from './file-rows.ts';
import { FILE_START, type FileMark, isLineStart, type Line, type MayFinish, readLines } from './line-reader.ts';

/** A row and where it stands; `bytes` is about its size in memory. */
export type PlacedRow = FileRow & Place & { bytes: number };

export type OpenedRows = { ok: true; rows: AsyncGenerator<PlacedRow[]> } | { ok: false; problem: string };

/**
 * The rows of a file from a mark on, or from its first row. Rejects with the errors of the file system and of gzip.
 *
 * @param mayFinish asked once the file ends inside a line or a quoted field; gives the same answer each time
 */
export async function openRows(
  path: string,
  config: FileSourceConfig,
  streams: readonly StreamPlan[],
  mark: FileMark | undefined,
  mayFinish: MayFinish,
): Promise<OpenedRows> {
  if (config.format === 'ndjson') {
    const records = lineRecords(readLines(readBytes(path, mark?.offset ?? 0), mark ?? FILE_START, mayFinish));
    return { ok: true, rows: placedRows(records, createNdjsonRowParser(config, streams)) };
  }
  const header = await readCsvHeader(path);
  if (!header.ok) return header;
  const missing = missingColumns(config, header.columns.names);
  if (missing.length > 0) {
    const names = header.columns.names.join(', ');
    return { ok: false, problem: `no column ${missing.join(', ')}; columns of the file: ${names || 'none'}` };
  }
  const start = mark && mark.offset > header.end.offset ? mark : header.end;
  const lines = readLines(readBytes(path, start.offset), start, mayFinish);
  const records = csvRecords(lines, header.columns.delimiter, mayFinish);
  return { ok: true, rows: placedRows(records, createCsvRowParser(config, streams, header.columns)) };
}

type CsvHeader = { ok: true; columns: CsvColumns; end: FileMark } | { ok: false; problem: string };
type Records = AsyncGenerator<(FileRecord | BrokenRecord)[]>;

const SAMPLE_RECORDS = 20;

async function readCsvHeader(path: string): Promise<CsvHeader> {
  const lines = readLines(readBytes(path, 0), FILE_START, async () => true);
  const before: Line[] = [];
  for await (const some of lines) {
    before.push(...some);
    const at = before.findIndex((line) => recordOfLine(line) !== undefined);
    if (at < 0) continue;
    const header = recordOfLine(before[at]!)!;
    if (!header.ok) return { ok: false, problem: `the header is ${header.detail}` };
    if (!isLineStart(header.end)) return { ok: false, problem: 'the header has no line end yet' };
    const delimiter = detectDelimiter(header.text);
    const [parsed] = parseCsv([header.text], delimiter);
    if (!parsed?.ok) return { ok: false, problem: `the header is no CSV: ${parsed?.detail}` };
    const names = parsed.fields.map((name) => name.trim());
    const texts = await sampleTexts(before.slice(at + 1), lines, delimiter);
    const unnamed = hasUnnamedColumn(names, parseCsv(texts, delimiter)) ? 1 : 0;
    return { ok: true, columns: { names, delimiter, unnamed }, end: header.end };
  }
  return { ok: false, problem: 'the file is empty, expected a header' };
}

async function sampleTexts(first: Line[], rest: AsyncGenerator<Line[]>, delimiter: string): Promise<string[]> {
  const texts: string[] = [];
  const textsOf = (records: (FileRecord | BrokenRecord)[]): string[] =>
    records.flatMap((record) => (record.ok ? [record.text] : []));
  const assembler = createCsvAssembler(delimiter);
  texts.push(...textsOf(assembler.add(first)));
  while (texts.length < SAMPLE_RECORDS) {
    const next = await rest.next();
    if (next.done) break;
    texts.push(...textsOf(assembler.add(next.value)));
  }
  return texts.slice(0, SAMPLE_RECORDS);
}

async function* csvRecords(lines: AsyncGenerator<Line[]>, delimiter: string, mayFinish: MayFinish): Records {
  const assembler = createCsvAssembler(delimiter);
  for await (const some of lines) yield assembler.add(some);
  if (assembler.isOpen() && (await mayFinish())) yield assembler.finish();
}

async function* lineRecords(lines: AsyncGenerator<Line[]>): Records {
  for await (const some of lines) yield some.flatMap((line) => recordOfLine(line) ?? []);
}

async function* placedRows(batches: Records, parse: RowParser): AsyncGenerator<PlacedRow[]> {
  for await (const records of batches) {
    const rows = parse(records);
    yield records.map((record, at) => {
      const { line, end } = record;
      return { ...rows[at]!, line, end, bytes: record.ok ? record.text.length : 0 };
    });
  }
}
