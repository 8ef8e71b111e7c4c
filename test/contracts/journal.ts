import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fatesOf, finished, type Outcome } from '../../core/lane-fates.ts';
import { LANES, type Lane } from '../../core/priority.ts';
import { addRange, countOf, type RangeSet, rangeSetOf } from '../../core/ranges.ts';
import type { Commit, Journal, JournalOpening } from '../../journal/journal-port.ts';
import { createRecordWriter, type JournalRecord, readRecords } from '../../journal/record-codec.ts';

export interface JournalHarness {
  /** A journal on the same directory as before; the one opened earlier was closed or killed. */
  start(config?: { maxBytes?: number; localBytes?: number }): Journal;
  dispose(): Promise<void>;
}

export const record = (series: number, value: number): JournalRecord => ({
  series,
  ts: 1_700_000_000_000 + value,
  value,
  quality: 'good',
  clock: 'synced',
});

export function commitOf(lane: 0 | 1 | 2 | 3 | 4, values: readonly number[], state: Commit['state'] = {}): Commit {
  const writer = createRecordWriter();
  for (const value of values) writer.push(record(7, value));
  return {
    lanes: values.length > 0 ? [{ lane, count: values.length, bytes: writer.bytes() }] : [],
    state,
    clockOffsetMs: 0,
  };
}

/** All values of a lane's range, reading in steps; and what is missing. */
export async function readAll(journal: Journal, epoch: string, lane: Lane, to: number, step = 7, start = 0) {
  const values: number[] = [];
  let missing: RangeSet = [];
  for (let from = start; from < to; ) {
    const result = await journal.read({ epoch, lane, from, to, maxRecords: step, maxBytes: 1e6 });
    expect(result.to).toBeGreaterThan(from);
    for (const part of result.parts) {
      for (const { record: found } of readRecords(part.bytes)) values.push(found.value as number);
    }
    for (const hole of result.missing) missing = addRange(missing, hole);
    from = result.to;
  }
  return { values, missing };
}

/** Records of a kilobyte each, about so many bytes in all, of lane 2. */
function largeCommit(bytes: number): Commit {
  const writers = Array.from({ length: Math.ceil(bytes / 1_000) }, (_, index) => index);
  const writer = createRecordWriter();
  for (const index of writers) writer.push({ ...record(7, index), value: 'x'.repeat(1_000) });
  return { lanes: [{ lane: 2, count: writers.length, bytes: writer.bytes() }], state: {}, clockOffsetMs: 0 };
}

/** Appends until the journal refuses, at most 100,000 records: where the lane ends then, and what had to go. */
async function fill(
  journal: Journal,
  lane: Lane,
  count: number,
  start = 0,
): Promise<{ end: number; evicted: Outcome[] }> {
  const evicted: Outcome[] = [];
  for (let end = start; end < start + 100_000; end += count) {
    const values = Array.from({ length: count }, (_, index) => end + index);
    const result = await journal.append(commitOf(lane, values));
    evicted.push(...result.evicted);
    if (result.ok) continue;
    expect(result.reason).toBe('journal-full');
    return { end, evicted };
  }
  return { end: start + 100_000, evicted };
}

/** Appends until something had to go; returns where the lane ends then. */
async function fillUntilEvicted(journal: Journal, lane: Lane): Promise<number> {
  for (let end = 0; ; end += 100) {
    const result = await journal.append(
      commitOf(
        lane,
        Array.from({ length: 100 }, (_, index) => end + index),
      ),
    );
    expect(result.ok).toBe(true);
    if (result.evicted.length > 0) return end + 100;
  }
}

/** What every journal promises, whatever it runs on. */
export function journalContract(name: string, make: () => Promise<JournalHarness>): void {
  const within = async (run: (harness: JournalHarness) => Promise<void>): Promise<void> => {
    const harness = await make();
    try {
      await run(harness);
    } finally {
      await harness.dispose();
    }
  };

  describe(`journal contract: ${name}`, () => {
    test('numbers records per lane from 0 without gaps and reads them back', () =>
      within(async (harness) => {
        const journal = harness.start();
        const { epoch } = await journal.open();
        expect(await journal.append(commitOf(2, [1, 2, 3]))).toMatchObject({
          ok: true,
          lanes: [{ lane: 2, first: 0, count: 3 }],
        });
        expect(await journal.append(commitOf(0, [9]))).toMatchObject({ lanes: [{ lane: 0, first: 0, count: 1 }] });
        expect(await journal.append(commitOf(2, [4]))).toMatchObject({ lanes: [{ lane: 2, first: 3, count: 1 }] });
        expect(await readAll(journal, epoch, 2, 4, 2)).toEqual({ values: [1, 2, 3, 4], missing: [] });
        await journal.close();
      }));

    test('a new opening is a new epoch; state, records and fates of the old one are there', () =>
      within(async (harness) => {
        const first = harness.start();
        const before = await first.open();
        await first.append(commitOf(1, [1, 2, 3, 4], { 'counter/a': 4, 'filter/x': [1.5, null] }));
        await first.append(commitOf(1, [5], { 'counter/a': 5 }));
        await first.settle([{ epoch: before.epoch, lane: 1, from: 0, to: 2, fate: 'delivered' }]);
        await first.close();
        const second = harness.start();
        const after = await second.open();
        expect(after.epoch).not.toBe(before.epoch);
        expect(after.state).toEqual({ 'counter/a': 5, 'filter/x': [1.5, null] });
        expect(after.enqueued).toEqual([0, 5, 0, 0]);
        const old = after.epochs.find(({ epoch }) => epoch === before.epoch)!;
        expect(old.lanes[1]).toMatchObject({ available: [{ from: 0, to: 5 }], end: 5 });
        expect(after.fates.lanes[`${before.epoch}/1`]?.delivered).toEqual([{ from: 0, to: 2 }]);
        expect((await readAll(second, before.epoch, 1, 5)).values).toEqual([1, 2, 3, 4, 5]);
        expect(await second.append(commitOf(1, [6]))).toMatchObject({ lanes: [{ lane: 1, first: 0, count: 1 }] });
        await second.close();
      }));

    test('recycles segments once every record in them has a fate, and gives the space back', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        const { epoch } = await journal.open();
        const many = Array.from({ length: 1_000 }, (_, index) => index);
        let peak = 0;
        for (let round = 0; round < 100; round++) {
          expect(await journal.append(commitOf(3, many, { round }))).toMatchObject({ ok: true });
          await journal.settle([{ epoch, lane: 3, from: round * 1000, to: (round + 1) * 1000, fate: 'delivered' }]);
          peak = Math.max(peak, (await journal.status()).bytes);
        }
        expect(peak).toBeLessThan(1024 ** 2);
        await journal.close();
        const again = harness.start({ maxBytes: 1024 ** 2 });
        const opening = await again.open();
        expect(opening.enqueued).toEqual([0, 0, 0, 100_000]);
        expect(opening.state).toEqual({ round: 99 });
        const waiting = waitingOf(opening, 3);
        expect(waiting).toBe(0);
        await again.close();
      }));

    test('full of critical records: refuses records as journal-full, still takes counters, goes on once there is space', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        const { epoch } = await journal.open();
        const { end: appended } = await fill(journal, 0, 1_000);
        for (let round = 0; round < 5_000; round++) {
          expect(await journal.append(commitOf(0, [], { refused: round }))).toMatchObject({ ok: true, evicted: [] });
        }
        expect(await journal.append(commitOf(2, [1]))).toMatchObject({
          ok: false,
          reason: 'journal-full',
          evicted: [],
        });
        expect((await journal.status()).bytes).toBeLessThanOrEqual(1024 ** 2);
        await journal.settle([{ epoch, lane: 0, from: 0, to: appended, fate: 'delivered' }]);
        expect(await journal.append(commitOf(0, [1]))).toMatchObject({ ok: true, lanes: [{ first: appended }] });
        await journal.close();
      }));

    test('full: the lowest class goes first, its oldest records first, and what is left is still there', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        const { epoch } = await journal.open();
        const ends = [0, 0, 0, 0];
        const evicted: Outcome[] = [];
        for (let round = 0; round < 320; round++) {
          const lane = LANES[round % 4]!;
          const values = Array.from({ length: 100 }, (_, index) => ends[lane]! + index);
          const result = await journal.append(commitOf(lane, values));
          expect(result).toMatchObject({ ok: true });
          ends[lane]! += 100;
          evicted.push(...result.evicted);
          expect((await journal.status()).bytes).toBeLessThanOrEqual(1024 ** 2);
        }
        // Less than one class in all had to go: no other was touched.
        expect(new Set(evicted.map(({ lane, fate }) => `${lane} ${fate}`))).toEqual(new Set(['3 evicted']));
        const gone = rangeSetOf(evicted);
        expect(gone).toEqual([{ from: 0, to: gone[0]!.to }]);
        await journal.close();
        const again = harness.start({ maxBytes: 1024 ** 2 });
        const opening = await again.open();
        expect(opening.enqueued).toEqual(ends);
        expect(fatesOf(opening.fates, epoch, 3).evicted).toEqual(gone);
        for (const lane of LANES) {
          const from = lane === 3 ? gone[0]!.to : 0;
          const { values, missing } = await readAll(again, epoch, lane, ends[lane]!, 70, from);
          expect(missing).toEqual([]);
          expect(values).toEqual(Array.from({ length: ends[lane]! - from }, (_, index) => from + index));
        }
        await again.close();
      }));

    test('full: nothing more important goes for what comes in, and nothing that is on its way', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        const { epoch } = await journal.open();
        const end = await fillUntilEvicted(journal, 1);
        // The low ones make room for themselves, and nothing else does.
        const low = await fill(journal, 3, 100);
        expect(low.evicted.filter(({ lane }) => lane < 3)).toEqual([]);
        await journal.read({ epoch, lane: 1, from: 0, to: end, maxRecords: 1e9, maxBytes: 1e9, leaseMs: 60_000 });
        const more = await fill(journal, 1, 100, end);
        expect(more.evicted.filter(({ lane, from }) => lane === 1 && from < end)).toEqual([]);
        await journal.close();
      }));

    test('full of large records: critical ones still push the others out, for ever', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        await journal.open();
        const large = largeCommit(16_000);
        for (let round = 0; round < 150; round++) {
          expect(
            await journal.append({ ...large, lanes: large.lanes.map((one) => ({ ...one, lane: 2 })) }),
          ).toMatchObject({
            ok: true,
          });
          expect(await journal.append(commitOf(0, [round]))).toMatchObject({ ok: true });
          expect((await journal.status()).bytes).toBeLessThanOrEqual(1024 ** 2);
        }
        await journal.close();
      }));

    test('a commit larger than there is room for is refused, and wedges nothing', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        const { epoch } = await journal.open();
        expect(await journal.append(largeCommit(3 * 1024 ** 2))).toMatchObject({ ok: false, reason: 'journal-full' });
        let end = 0;
        for (let round = 0; round < 12; round++) {
          // Larger than a segment: two of them are the last two, and always stay.
          const result = await journal.append(
            commitOf(
              2,
              Array.from({ length: 10_000 }, (_, index) => end + index),
            ),
          );
          expect(result).toMatchObject({ ok: true, lanes: [{ first: end }] });
          end += 10_000;
          await journal.settle([{ epoch, lane: 2, from: end - 10_000, to: end, fate: 'delivered' }]);
        }
        expect(await journal.append(commitOf(0, [1]))).toMatchObject({ ok: true });
        await journal.close();
      }));

    test('what stays local ages out, oldest first, and is counted', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2, localBytes: 256 * 1024 });
        await journal.open();
        const many = Array.from({ length: 1_000 }, (_, index) => index);
        for (let round = 0; round < 100; round++) {
          expect(await journal.append(commitOf(4, many))).toMatchObject({ ok: true });
          await journal.settle([]);
        }
        const { localHeld, bytes } = await journal.status();
        expect(localHeld).toBeGreaterThan(5_000);
        expect(localHeld).toBeLessThan(40_000);
        expect(bytes).toBeLessThan(900 * 1024);
        await journal.close();
      }));

    test('random commits, reads, fates and restarts agree with a list in memory', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
          within((harness) => agreesWithModel(harness, steps)),
        ),
        { numRuns: 25 },
      );
    });
  });
}

type Step =
  | { do: 'append'; lane: Lane; count: number }
  | { do: 'settle'; lane: Lane; upTo: number }
  | { do: 'restart' };
const lane = fc.constantFrom<Lane>(...LANES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), lane, count: fc.integer({ min: 1, max: 3_000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('settle' as const), lane, upTo: fc.integer({ min: 1, max: 5_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

async function agreesWithModel(harness: JournalHarness, steps: readonly Step[]): Promise<void> {
  const config = { maxBytes: 8 * 1024 ** 2 };
  let journal = harness.start(config);
  let { epoch } = await journal.open();
  let values: number[][] = LANES.map(() => []);
  let settled = LANES.map(() => 0);
  const enqueued = LANES.map(() => 0);
  let waiting = 0;
  let next = 0;
  for (const action of steps) {
    if (action.do === 'append') {
      const fresh = Array.from({ length: action.count }, () => next++);
      expect(await journal.append(commitOf(action.lane, fresh, { next }))).toMatchObject({ ok: true });
      values[action.lane]!.push(...fresh);
      enqueued[action.lane]! += action.count;
      waiting += action.count;
    } else if (action.do === 'settle') {
      const to = Math.min(action.upTo, values[action.lane]!.length);
      const from = settled[action.lane]!;
      if (to <= from) continue;
      await journal.settle([{ epoch, lane: action.lane, from, to, fate: 'delivered' }]);
      settled[action.lane] = to;
      waiting -= to - from;
    } else {
      await journal.close();
      journal = harness.start(config);
      const opening = await journal.open();
      expect(opening.enqueued).toEqual(enqueued);
      expect(opening.state.next ?? 0).toBe(next);
      expect(LANES.reduce<number>((sum, of) => sum + waitingOf(opening, of), 0)).toBe(waiting);
      epoch = opening.epoch;
      values = LANES.map(() => []);
      settled = LANES.map(() => 0);
    }
  }
  for (const of of LANES) {
    const all = values[of]!;
    const from = settled[of]!;
    if (from === all.length) continue;
    const result = await journal.read({ epoch, lane: of, from, to: all.length, maxRecords: 1e9, maxBytes: 1e9 });
    const found = result.parts.flatMap((part) => readRecords(part.bytes).map(({ record: { value } }) => value));
    expect(found).toEqual(all.slice(from));
    expect(result.missing).toEqual([]);
  }
  await journal.close();
}

function waitingOf(opening: JournalOpening, of: Lane): number {
  return opening.epochs.reduce((sum, { epoch, lanes }) => {
    const fates = opening.fates.lanes[`${epoch}/${of}`];
    return sum + lanes[of]!.end - countOf(fates ? finished(fates) : []);
  }, 0);
}
