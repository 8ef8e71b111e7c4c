import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createFileSource } from '../../../adapters/sources/file-source.ts';
import type { JsonValue } from '../../../core/filters/filter.ts';
import {
  type Collected,
  type CollectOptions,
  collect,
  createHastyClock,
  sourcePlan,
} from '../../helpers/source-rig.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

const STREAMS = { t: {}, state: { kind: 'text' } };
const COLUMNS = { t: 'T', state: 'S' };
const TIME = { column: 'at' };

interface Run extends CollectOptions {
  streams?: Record<string, unknown>;
  source?: object;
  speed?: number;
  clock?: ReturnType<typeof createHastyClock>;
}

async function replay(path: string, run: Run = {}): Promise<Collected & { logged: string[] }> {
  const logger = createMemoryLogger();
  const plan = sourcePlan('file', run.streams ?? STREAMS, { path, time: TIME, columns: COLUMNS, ...run.source });
  const ports = { clock: run.clock ?? createHastyClock(), logger };
  const source = createFileSource(plan, ports, { directory: folder, speed: run.speed });
  const collected = await collect(source, run);
  return { ...collected, logged: logger.lines.map(({ message }) => message) };
}
const write = async (name: string, text: string | Buffer): Promise<string> => {
  await writeFile(join(folder, name), text);
  return name;
};
const short = ({ readings }: Collected): string[] =>
  readings.map(({ device, stream, ts, value }) => `${device}/${stream}@${ts}=${value}`);

describe('a CSV file', () => {
  test('becomes readings, with the line they stand on; an empty cell is no reading', async () => {
    const path = await write(
      'a.csv',
      '\ufeff"at";"T";"S"\r\n2020-01-01;1.5;"a;b"\r\n2020-01-02;;ok\r\n2020-01-03;2;\r\n',
    );
    const { readings, refused } = await replay(path);
    const day = (number: number) => Date.UTC(2020, 0, number);
    expect(readings).toEqual([
      { device: 'group', stream: 't', ts: day(1), value: 1.5, origin: 'a.csv line 2' },
      { device: 'group', stream: 'state', ts: day(1), value: 'a;b', origin: 'a.csv line 2' },
      { device: 'group', stream: 'state', ts: day(2), value: 'ok', origin: 'a.csv line 3' },
      { device: 'group', stream: 't', ts: day(3), value: 2, origin: 'a.csv line 4' },
    ]);
    expect(refused).toEqual([]);
  });

  test('with a field more than its header has row numbers first', async () => {
    const path = await write('r.csv', '"at","T","S"\n"1","2020-01-01",1.5,x\n"2","2020-01-02",2,y\n"3",2\n');
    const { readings, refused } = await replay(path);
    expect(readings.map(({ value }) => value)).toEqual([1.5, 'x', 2, 'y']);
    expect(refused).toEqual([{ reason: 'unparsable', detail: '2 fields, expected 4', origin: 'r.csv line 4' }]);
  });

  test('is not taken to have row numbers because one row is too long', async () => {
    const path = await write('r.csv', 'at,T,S\n9,2020-01-01,1.5,x\n2020-01-02,2,y\n2020-01-03,3,z\n');
    const { readings, refused } = await replay(path);
    expect(readings.map(({ value }) => value)).toEqual([2, 'y', 3, 'z']);
    expect(refused).toMatchObject([{ detail: '4 fields, expected 3', origin: 'r.csv line 2' }]);
  });

  test('goes on after rows that cannot be read', async () => {
    const bad = ['2020-01-01,1', '2020-01-01,12" pipe,x', '"open,1,x', 'soon,3,x', ',4,x'];
    const path = await write(
      'b.csv',
      Buffer.concat([Buffer.from(`at,T,S\n${bad.join('\n')}\n2020-01-09,n/a,ok\n\xff\n`, 'latin1')]),
    );
    const { readings, refused } = await replay(path);
    expect(refused.map(({ origin }) => origin)).toEqual([
      'b.csv line 2',
      'b.csv line 3',
      'b.csv line 4',
      'b.csv line 8',
    ]);
    // A time or value that is none is the border's to refuse; it must not become the time of arrival.
    expect(readings.map(({ ts, value }) => [ts, value])).toEqual([
      ['soon', 3],
      ['soon', 'x'],
      ['', 4],
      ['', 'x'],
      [Date.UTC(2020, 0, 9), 'n/a'],
      [Date.UTC(2020, 0, 9), 'ok'],
    ]);
  });

  test('may name the device of each row, known or not', async () => {
    const path = await write('d.csv', 'at,T,S,who\n2020-01-01,1,x,group-002\n2020-01-01,2,y,stranger\n');
    const plan = sourcePlan('file', STREAMS, { path, time: TIME, columns: COLUMNS, device: 'who' }, 2);
    const ports = { clock: createHastyClock(), logger: createMemoryLogger() };
    const { readings } = await collect(createFileSource(plan, ports, { directory: folder }));
    expect(readings.map(({ device }) => device)).toEqual(['group-002', 'group-002', 'stranger', 'stranger']);
  });

  test('without a time column leaves the time to the border', async () => {
    const path = await write('n.csv', 'T,S\n1,x\n');
    const { readings } = await replay(path, { source: { time: undefined } });
    expect(readings).toEqual([
      { device: 'group', stream: 't', value: 1, origin: 'n.csv line 2' },
      { device: 'group', stream: 'state', value: 'x', origin: 'n.csv line 2' },
    ]);
  });
});

test('NDJSON: one object a line, anything else is refused', async () => {
  const lines = [
    '{"at":"2020-01-01","T":1,"S":"x"}',
    '[1]',
    '{"T":2}',
    '{broken',
    '',
    '{"__proto__":{"T":9},"at":"2020-01-02","S":"y","T":null}',
  ];
  const path = await write('a.ndjson', lines.join('\n'));
  const { readings, refused } = await replay(path, { source: { format: 'ndjson' } });
  expect(readings.map(({ ts, value }) => [ts, value])).toEqual([
    [Date.UTC(2020, 0, 1), 1],
    [Date.UTC(2020, 0, 1), 'x'],
    [null, 2],
    [Date.UTC(2020, 0, 2), 'y'],
  ]);
  expect(refused.map(({ origin }) => origin)).toEqual(['a.ndjson line 2', 'a.ndjson line 4']);
});

const rowsText = (from: number, to: number): string =>
  Array.from(
    { length: to - from },
    (_, at) => `${Date.UTC(2020, 0, 1) + (from + at) * 1000},${from + at},"s\n${from + at}"\n`,
  ).join('');
const EPOCH = { source: { time: { column: 'at', format: 'epoch-ms' } } };

describe.each(['csv', 'csv.gz'])('a restart (%s)', (ending) => {
  const pack = (text: string): Buffer => (ending === 'csv.gz' ? gzipSync(text) : Buffer.from(text));

  test('after any batch continues with the row after it', async () => {
    const path = await write(`a.${ending}`, pack(`at,T,S\n${rowsText(0, 3_500)}`));
    const whole = await replay(path, EPOCH);
    expect(whole.batches.map(({ readings }) => readings.length)).toEqual([2_000, 2_000, 2_000, 1_000]);
    let position: JsonValue | undefined;
    const parts: string[] = [];
    for (let start = 0; start < whole.batches.length; start++) {
      const part = await replay(path, { ...EPOCH, position, maxBatches: 1 });
      position = part.position;
      parts.push(...short(part));
    }
    expect(parts).toEqual(short(whole));
    expect(parts).toHaveLength(7_000);
    expect(await replay(path, { ...EPOCH, position })).toMatchObject({ batches: [] });
  });

  test('goes on with what was added since, with the right line numbers', async () => {
    const path = await write(`a.${ending}`, pack(`at,T,S\n${rowsText(0, 10)}`));
    const { position } = await replay(path, EPOCH);
    await appendFile(join(folder, path), pack(rowsText(10, 12)));
    const more = await replay(path, { ...EPOCH, position });
    expect(more.readings.map(({ value }) => value)).toEqual([10, 's\n10', 11, 's\n11']);
    expect(more.readings[0]!.origin).toBe(`a.${ending} line 22`);
  });

  test('reads another file under the same path from its start, and says so', async () => {
    const path = await write(`a.${ending}`, pack(`at,T,S\n${rowsText(0, 10)}`));
    const { position } = await replay(path, EPOCH);
    await write(path, pack(`at,T,S\n${rowsText(5, 20)}`));
    const other = await replay(path, { ...EPOCH, position });
    expect(other.readings).toHaveLength(30);
    expect(other.logged).toEqual(['another file now: reading it whole; its rows count as new readings']);
  });
});

describe('a file source', () => {
  test('offers a batch again, ever more slowly, until it is taken', async () => {
    const path = await write('a.csv', `at,T,S\n${rowsText(0, 1_500)}`);
    const clock = createHastyClock();
    const run = await replay(path, { ...EPOCH, clock, answer: (offer) => (offer < 9 ? 'not-now' : 'committed') });
    expect(run.readings).toHaveLength(3_000);
    expect(clock.waits).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  test('waits for a file that is missing, empty, or lacks a column', async () => {
    const clock = createHastyClock();
    const steps = [
      async () => {},
      () => write('late.csv', ''),
      () => write('late.csv', 'at,X,S\n'),
      () => write('late.csv', 'at,T,S\n2020-01-01,1,x\n'),
    ];
    const waiting = {
      ...clock,
      after: (ms: number, run: () => void) => {
        const next = steps.shift();
        void Promise.resolve(next?.()).then(() => clock.after(ms, run));
        return () => {};
      },
    };
    steps.shift();
    const run = await replay('late.csv', { clock: waiting });
    expect(run.readings.map(({ value }) => value)).toEqual([1, 'x']);
    expect(run.logged).toEqual([
      expect.stringContaining('no such file'),
      'file source: the file is empty, expected a header; trying again',
      'file source: no column T; columns of the file: at, X, S; trying again',
    ]);
    expect(clock.waits).toEqual([1_000, 2_000, 4_000]);
  });

  test('delivers what a truncated gzip holds, once, and continues when it is whole', async () => {
    const whole = gzipSync(`at,T,S\n${rowsText(0, 30_000)}`);
    const path = await write('a.csv.gz', whole.subarray(0, whole.length / 2));
    const clock = createHastyClock();
    const completing = {
      ...clock,
      after: (ms: number, run: () => void) => {
        void write('a.csv.gz', whole).then(() => clock.after(ms, run));
        return () => {};
      },
    };
    const run = await replay(path, { ...EPOCH, clock: completing });
    expect(run.logged).toEqual(['file source: unexpected end of file; trying again']);
    expect(run.readings.filter(({ stream }) => stream === 't').map(({ value }) => value)).toEqual(
      Array.from({ length: 30_000 }, (_, at) => at),
    );
  });

  test('replays at the recorded pace, and a time that is absurd does not hold it up', async () => {
    const rows = [
      '2020-01-01 00:00:00,1,',
      '2020-01-01 00:01:00,2,',
      '2099-01-01,3,',
      '2020-01-01 00:01:00,4,',
      '2020-01-01 03:01:00,5,',
    ];
    const path = await write('a.csv', `at,T,S\n${rows.join('\n')}\n`);
    const clock = createHastyClock();
    const startMs = clock.monotonicMs();
    const run = await replay(path, { clock, speed: 10, source: { pace: 'recorded' } });
    expect(run.batches.map(({ readings }) => readings.map(({ value }) => value))).toEqual([[1], [2, 3, 4], [5]]);
    expect(clock.monotonicMs() - startMs).toBe((3 * 3_600_000 + 60_000) / 10);
  });

  test('stops at once when told, whatever it waits for', async () => {
    const stop = new AbortController();
    const logger = createMemoryLogger();
    const clock = {
      ...createHastyClock(),
      after: () => {
        queueMicrotask(() => stop.abort());
        return () => {};
      },
    };
    const plan = sourcePlan('file', STREAMS, { path: 'never.csv', time: TIME, columns: COLUMNS });
    const sink = { offer: () => Promise.reject(new Error('nothing to offer')) };
    await createFileSource(plan, { clock, logger }, { directory: folder }).run(sink, undefined, stop.signal, {});
    expect(logger.lines).toHaveLength(1);
  });
});
