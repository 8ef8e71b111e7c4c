import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createFileSource } from '../../../adapters/sources/file-source.ts';
import type { JsonValue } from '../../../core/filters/filter.ts';
import { type Collected, collect, createHastyClock, sourcePlan } from '../../helpers/source-rig.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-resume-'));
});
afterEach(() => rm(folder, { recursive: true }));

const START = 1_577_836_800_000;
const ANOTHER_FILE = 'another file now: reading it whole; its rows count as new readings';
type Clock = ReturnType<typeof createHastyClock>;

async function replay(
  name: string,
  position?: JsonValue,
  clock: Pick<Clock, keyof Clock> = createHastyClock(),
): Promise<Collected & { logged: string[]; values: unknown[] }> {
  const logger = createMemoryLogger();
  const format = name.includes('ndjson') ? 'ndjson' : 'csv';
  const source = { path: name, format, time: { column: 'at', format: 'epoch-ms' }, columns: { t: 'T', s: 'S' } };
  const plan = sourcePlan('file', { t: {}, s: { kind: 'text' } }, source);
  const collected = await collect(createFileSource(plan, { clock, logger }, { directory: folder }), { position });
  const values = collected.readings.map(({ value }) => value);
  return { ...collected, values, logged: logger.lines.map(({ message }) => message) };
}
const write = (name: string, text: string | Buffer): Promise<void> => writeFile(join(folder, name), text);
const add = (name: string, text: string | Buffer): Promise<void> => appendFile(join(folder, name), text);
const row = (at: number, value: unknown = at, text = `s${at}`): string => `${START + at},${value},${text}\n`;
const rows = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => row(from + at)).join('');
const HEADER = 'at,T,S\n';
/** On this clock something happens to the file before the wait with this number (from 0) passes. */
function clockWith(happens: (() => Promise<unknown>)[]): Clock {
  const clock = createHastyClock();
  return {
    ...clock,
    after: (ms, run) => {
      void Promise.resolve(happens.shift()?.()).then(() => clock.after(ms, run));
      return () => {};
    },
  };
}

describe.each(['csv', 'csv.gz'])('where to go on in a file (%s)', (ending) => {
  const name = `a.${ending}`;
  const pack = (text: string): Buffer => (ending === 'csv.gz' ? gzipSync(text) : Buffer.from(text));

  test('is not kept if what stands before it has moved: never the middle of a line', async () => {
    await write(name, pack(HEADER + rows(0, 1_000)));
    const { position } = await replay(name);
    await write(name, pack(HEADER + rows(0, 500) + row(500, 123456789) + rows(501, 1_010)));
    const again = await replay(name, position);
    expect(again.logged).toEqual([ANOTHER_FILE]);
    expect(again.refused).toEqual([]);
    expect(again.values).toHaveLength(2 * 1_010);
    expect(again.values[1_000]).toBe(123456789);
  });

  test('is kept if only rows were added', async () => {
    await write(name, pack(HEADER + rows(0, 1_000)));
    const { position } = await replay(name);
    await write(name, pack(HEADER + rows(0, 1_002)));
    const again = await replay(name, position);
    expect(again.logged).toEqual([]);
    expect(again.values).toEqual([1_000, 's1000', 1_001, 's1001']);
  });

  test('is kept from a position of the release before, which had no tail', async () => {
    const packed = pack(HEADER + rows(0, 10));
    await write(name, packed);
    const head = createHash('sha256').update(packed.subarray(0, 4_096)).digest('hex');
    const headBytes = Math.min(packed.length, 4_096);
    const text = HEADER + rows(0, 6);
    const position = { head, headBytes, size: packed.length, offset: Buffer.byteLength(text), lines: 7 };
    await add(name, pack(rows(10, 11)));
    const again = await replay(name, position);
    expect(again.logged).toEqual([]);
    expect(again.values.filter((value) => typeof value === 'number')).toEqual([6, 7, 8, 9, 10]);
    expect(again.readings[0]!.origin).toBe(`${name} line 8`);
    // In the middle of a line: its rest is refused, not misread.
    const inside = await replay(name, { ...position, offset: position.offset - 4 });
    expect(inside.refused).toMatchObject([{ reason: 'unparsable', detail: CONTINUES }]);
    expect(inside.values.slice(0, 2)).toEqual([6, 's6']);
  });

  test.each<[string, JsonValue]>([
    ['a number', 7],
    ['null', null],
    ['text', 'line 3'],
    ['a list', [1, 2]],
    ['that of a simulated device', { tick: START }],
    ['half of one', { head: 'x', headBytes: 1 }],
    ['one with negative numbers', { head: 'x', headBytes: -1, size: -1, offset: -5, lines: -1 }],
  ])('is the start, with a warning, if the position is %s', async (_, position) => {
    await write(name, pack(HEADER + rows(0, 3)));
    const { values, logged } = await replay(name, position);
    expect(values).toEqual([0, 's0', 1, 's1', 2, 's2']);
    expect(logged).toEqual(['source: last position is of another type; not used']);
  });

  test.each([10_000_000, Number.MAX_SAFE_INTEGER])('is the start if offset %d lies beyond the end', async (offset) => {
    await write(name, pack(HEADER + rows(0, 3)));
    const { position } = await replay(name);
    const beyond = await replay(name, { ...(position as object), offset });
    expect(beyond.logged).toEqual([ANOTHER_FILE]);
    expect(beyond.values).toHaveLength(6);
  });
});

test('a gzip made anew, with other compressed bytes, is the same file', async () => {
  await write('a.csv.gz', gzipSync(HEADER + rows(0, 2_000), { level: 9 }));
  const { position } = await replay('a.csv.gz');
  const anew = gzipSync(HEADER + rows(0, 2_001), { level: 1 });
  await write('a.csv.gz', anew);
  const again = await replay('a.csv.gz', position);
  expect(again.logged).toEqual([]);
  expect(again.values).toEqual([2_000, 's2000']);
});

const CONTINUES = 'continues a line that was taken as complete';

describe('half a line at the end', () => {
  test('is not taken while the file grows', async () => {
    await write('a.csv', `${HEADER}${START},1,a\n${START + 1},17`);
    const run = await replay('a.csv', undefined, clockWith([() => add('a.csv', '1.3,b\n')]));
    expect(run.values).toEqual([1, 'a', 171.3, 'b']);
    expect(run.refused).toEqual([]);
  });

  test.each(['1.3,b\n', '1.3,b'])('is taken when nothing changed for five seconds (then %j comes)', async (rest) => {
    await write('a.csv', `${HEADER}${START},1,a\n${START + 1},17`);
    const clock = createHastyClock();
    const first = await replay('a.csv', undefined, clock);
    expect(first.refused).toMatchObject([{ detail: '2 fields, expected 3', origin: 'a.csv line 3' }]);
    expect(clock.waits).toEqual([5_000]);
    await add('a.csv', rest);
    const second = await replay('a.csv', first.position);
    expect(second.refused).toEqual([{ reason: 'unparsable', detail: CONTINUES, origin: 'a.csv line 3' }]);
    expect(second.values).toEqual([]);
    await add('a.csv', rest.endsWith('\n') ? row(2) : `\n${row(2)}`);
    const third = await replay('a.csv', second.position);
    expect(third.refused).toEqual([]);
    expect(third.values).toEqual([2, 's2']);
    expect(third.readings[0]!.origin).toBe('a.csv line 4');
  });

  test.each(['\n', '\r\n'])('that only lacked its line end %j was whole', async (lineEnd) => {
    await write('a.ndjson', '{"at":1577836800000,"T":1}');
    const first = await replay('a.ndjson');
    expect(first.values).toEqual([1]);
    await add('a.ndjson', `${lineEnd}{"at":1577836800001,"T":2}\n`);
    const second = await replay('a.ndjson', first.position);
    expect(second.values).toEqual([2]);
    expect(second.refused).toEqual([]);
  });

  test('is not taken when the file was touched meanwhile without growing', async () => {
    const text = (value: number) => `${HEADER}${START},${value},a`;
    await write('a.csv', text(1));
    const { mtimeMs } = await stat(join(folder, 'a.csv'));
    const rewrite = async (): Promise<void> => {
      do await write('a.csv', text(2));
      while ((await stat(join(folder, 'a.csv'))).mtimeMs === mtimeMs);
    };
    const run = await replay('a.csv', undefined, clockWith([rewrite]));
    expect(run.values).toEqual([2, 'a']);
  });

  test('holds back a quoted field that is open, but nothing that stands before it', async () => {
    await write('a.csv', `${HEADER}${row(1)}${START},2,"x\n`);
    const seen: unknown[] = [];
    const run = await replay(
      'a.csv',
      undefined,
      clockWith([async () => seen.push('waited'), () => add('a.csv', 'y"\n')]),
    );
    expect(seen).toEqual(['waited']);
    // Five seconds passed and nothing came: the quote is given up. What comes later is read as rows.
    expect(run.refused).toMatchObject([{ detail: 'a quote opens and is not closed' }]);
    await write('b.csv', `${HEADER}${row(1)}${START},2,"x\n`);
    const grown = await replay('b.csv', undefined, clockWith([() => add('b.csv', 'y"\n')]));
    expect(grown.batches.map(({ readings }) => readings.length)).toEqual([2, 2]);
    expect(grown.values).toEqual([1, 's1', 2, 'x\ny']);
  });

  test('of the header is waited for', async () => {
    await write('a.csv', 'at,T,S');
    const run = await replay(
      'a.csv',
      undefined,
      clockWith([() => add('a.csv', `2\n`), () => write('a.csv', HEADER + row(1))]),
    );
    expect(run.logged).toEqual([
      'file source: the header has no line end yet; trying again',
      'file source: no column S; columns of the file: at, T, S2; trying again',
    ]);
    expect(run.values).toEqual([1, 's1']);
  });

  test('does not hold the stop up', async () => {
    await write('a.csv', `${HEADER}${row(1)}${START},2`);
    const stop = new AbortController();
    const stopSoon = () => {
      queueMicrotask(() => stop.abort());
      return () => {};
    };
    const plan = sourcePlan('file', { t: {} }, { path: 'a.csv', columns: { t: 'T' } });
    const clock = { ...createHastyClock(), after: stopSoon };
    const offered: unknown[] = [];
    const offer = async (batch: unknown) => {
      offered.push(batch);
      return 'committed' as const;
    };
    const source = createFileSource(plan, { clock, logger: createMemoryLogger() }, { directory: folder });
    await source.run({ offer }, undefined, stop.signal, {});
    expect(offered).toMatchObject([{ readings: [{ value: 1 }], refused: [] }]);
  });
});
