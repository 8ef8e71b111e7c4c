import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LANES, type Lane } from '../../core/priority.ts';
import { addRange, countOf, type RangeSet } from '../../core/ranges.ts';
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
export async function readAll(journal: Journal, epoch: string, lane: Lane, to: number, step = 7) {
  const values: number[] = [];
  let missing: RangeSet = [];
  for (let from = 0; from < to; ) {
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
        expect(old.lanes[1]).toEqual({ available: [{ from: 0, to: 5 }], end: 5 });
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

    test('full: refuses records as journal-full, still takes counters, and goes on once there is space', () =>
      within(async (harness) => {
        const journal = harness.start({ maxBytes: 1024 ** 2 });
        const { epoch } = await journal.open();
        const many = Array.from({ length: 2_000 }, (_, index) => index);
        let appended = 0;
        let refusal: string | undefined;
        while (!refusal) {
          const result = await journal.append(commitOf(2, many));
          if (result.ok) appended += 2_000;
          else refusal = result.reason;
        }
        expect(refusal).toBe('journal-full');
        expect(await journal.append(commitOf(2, [], { refused: 5 }))).toMatchObject({ ok: true });
        await journal.settle([{ epoch, lane: 2, from: 0, to: appended, fate: 'delivered' }]);
        expect(await journal.append(commitOf(2, many))).toMatchObject({ ok: true, lanes: [{ first: appended }] });
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
    return sum + lanes[of]!.end - countOf(fates?.delivered ?? []) - countOf(fates?.givenUp ?? []);
  }, 0);
}
