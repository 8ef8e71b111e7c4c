import type { FileSourceConfig } from '../../core/fleet.ts';
import type { StreamPlan } from '../../core/node-plan.ts';
import { show } from '../../core/reading.ts';
import { cellValue, jsonValue } from './cell-value.ts';
import { type BrokenRecord, type CsvFields, type FileRecord, parseCsv } from './csv-records.ts';
import { fileTime } from './file-time.ts';

/** A record of the file as far as the fleet file speaks of it; nothing about it is trusted yet. */
export type FileRow = { ok: true; ts: unknown; device: string | undefined; values: unknown[] } | BrokenRow;
export interface BrokenRow {
  ok: false;
  detail: string;
}

/** Rows of records, in the same order; `values[i]` belongs to stream i, `undefined` = no reading. */
export type RowParser = (records: readonly (FileRecord | BrokenRecord)[]) => FileRow[];

/** Which field of a record holds what. */
export interface CsvColumns {
  names: readonly string[];
  delimiter: string;
  /** 1 if each record begins with a field that the header does not name. */
  unnamed: 0 | 1;
}

/** Columns that the fleet file names and the header lacks. */
export function missingColumns(config: FileSourceConfig, names: readonly string[]): string[] {
  const wanted = [config.time?.column, config.device, ...Object.values(config.columns)];
  return wanted.filter((name): name is string => name !== undefined && !names.includes(name));
}

/**
 * R's write.table puts row names first and gives them no header: each record has one field more than the header.
 * Most of the first records decide, because any one of them may be broken.
 */
export function hasUnnamedColumn(names: readonly string[], sample: readonly CsvFields[]): boolean {
  const longer = sample.filter((row) => row.ok && row.fields.length === names.length + 1).length;
  return longer > 0 && longer * 2 > sample.length;
}

export function createCsvRowParser(
  config: FileSourceConfig,
  streams: readonly StreamPlan[],
  columns: CsvColumns,
): RowParser {
  const expected = columns.names.length + columns.unnamed;
  const indexOf = (name: string): number => columns.names.indexOf(name) + columns.unnamed;
  const time = config.time && { index: indexOf(config.time.column), format: config.time.format };
  const device = config.device === undefined ? undefined : indexOf(config.device);
  const values = streams.map(({ name, kind }) => ({ index: indexOf(config.columns[name]!), kind }));

  const rowOf = (fields: readonly string[]): FileRow => {
    if (fields.length !== expected) return { ok: false, detail: `${fields.length} fields, expected ${expected}` };
    return {
      ok: true,
      ts: time && fileTime(fields[time.index], time.format),
      device: device === undefined ? undefined : fields[device],
      values: values.map(({ index, kind }) => cellValue(fields[index]!, kind)),
    };
  };
  return (records) => {
    const texts = records.flatMap((record) => (record.ok ? [record.text] : []));
    const parsed = parseCsv(texts, columns.delimiter).values();
    return records.map((record) => {
      if (!record.ok) return record;
      const fields = parsed.next().value as CsvFields;
      return fields.ok ? rowOf(fields.fields) : fields;
    });
  };
}

export function createNdjsonRowParser(config: FileSourceConfig, streams: readonly StreamPlan[]): RowParser {
  const columns = streams.map(({ name, kind }) => ({ key: config.columns[name]!, kind }));

  const rowOf = (line: string): FileRow => {
    const object = parseObject(line);
    if (!object) return { ok: false, detail: `${show(line)}, expected a JSON object` };
    const field = (key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
    const device = config.device === undefined ? undefined : field(config.device);
    return {
      ok: true,
      // A time that should be there and is not must not become the time of arrival.
      ts: config.time && (fileTime(field(config.time.column), config.time.format) ?? null),
      device: typeof device === 'string' || config.device === undefined ? (device as string | undefined) : show(device),
      values: columns.map(({ key, kind }) => jsonValue(field(key), key, line, kind)),
    };
  };
  return (records) => records.map((record) => (record.ok ? rowOf(record.text) : record));
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
