import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { fatesOf, type Outcome } from '../../core/lane-fates.ts';
import { LANES, type Lane } from '../../core/priority.ts';
import { addRanges, NO_RANGES, type RangeSet, subtract } from '../../core/ranges.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { type JournalLane, LOCAL_LANE } from '../../journal/commit-codec.ts';
import { createJournal } from '../../journal/journal.ts';
import type { AppendResult, Commit, Journal } from '../../journal/journal-port.ts';
import { admissionOf } from '../../journal/quota.ts';
import { createRecordWriter } from '../../journal/record-codec.ts';
import { readAll, record } from '../contracts/journal.ts';

const MAX_BYTES = 128 * 1024;
const RESERVE = MAX_BYTES / 8;

/** Records of each lane, with texts of so many characters. */
function mixed(lanes: readonly { lane: JournalLane; count: number }[], size = 500): Commit {
  return {
    lanes: lanes.map(({ lane, count }) => {
      const writer = createRecordWriter();
      for (let at = 0; at < count; at++) writer.push({ ...record(7, at), value: `${lane}`.repeat(size) });
      return { lane, count, bytes: writer.bytes() };
    }),
    state: {},
    clockOffsetMs: 0,
  };
}

function newJournal(disk = createMemoryDisk()) {
  const clock = createManualClock();
  const ports = { disk, clock, random: createSeededRandom(1n), logger: createMemoryLogger() };
  const config = { maxBytes: MAX_BYTES, localBytes: MAX_BYTES / 16, criticalReserve: RESERVE };
  return { clock, disk, journal: createJournal({ ...ports, keys: createMemoryKeyRing() }, config) };
}

/** Appends commits of one lane until one is refused or pushes something out. */
async function fill(journal: Journal, lane: Lane): Promise<void> {
  for (;;) {
    const { ok, evicted } = await journal.append(mixed([{ lane, count: 4 }]));
    if (!ok || evicted.length > 0) return;
  }
}

const classesIn = ({ evicted }: Pick<AppendResult, 'evicted'>): Lane[] => [...new Set(evicted.map(({ lane }) => lane))];

describe('a commit of several classes', () => {
  test('is admitted as its least important records are', () => {
    expect(admissionOf([])).toEqual({ quota: 'state', evictsFrom: undefined });
    expect(admissionOf([0])).toEqual({ quota: 'critical', evictsFrom: 0 });
    expect(admissionOf([0, 1])).toEqual({ quota: 'others', evictsFrom: 1 });
    expect(admissionOf([3, 0, 1])).toEqual({ quota: 'others', evictsFrom: 3 });
    expect(admissionOf([0, LOCAL_LANE])).toEqual({ quota: 'others', evictsFrom: undefined });
  });

  test('pushes out no high records for low ones that ride with critical; the critical ones alone do', async () => {
    const { journal } = newJournal();
    await journal.open();
    await fill(journal, 1);
    const riding = mixed([
      { lane: 0, count: 1 },
      { lane: 3, count: 60 },
    ]);
    expect(await journal.append(riding)).toMatchObject({ ok: false, reason: 'journal-full', evicted: [] });
    for (let round = 0; ; round++) {
      const alone = await journal.append(mixed([{ lane: 0, count: 4 }]));
      expect(alone.ok).toBe(true);
      if (classesIn(alone).includes(1)) break;
      expect(round).toBeLessThan(100);
    }
  });

  test('leaves the critical reserve to critical records, whatever rides with them', async () => {
    const { journal } = newJournal();
    await journal.open();
    await fill(journal, 0);
    const { bytes } = await journal.status();
    const { journal: other } = newJournal();
    await other.open();
    const both = mixed([
      { lane: 0, count: 2 },
      { lane: 2, count: 2 },
    ]);
    // Nothing may ever go: critical records never do, and the others are on their way.
    const { epoch } = await other.open();
    for (let from = 0; (await other.append(both)).ok; from += 2) {
      await other.read({ epoch, lane: 2, from, to: from + 2, maxRecords: 10, maxBytes: 1e6, leaseMs: 1e9 });
    }
    expect((await other.status()).bytes).toBeLessThanOrEqual(bytes - RESERVE + MAX_BYTES / 16);
    expect(await other.append(mixed([{ lane: 0, count: 2 }]))).toMatchObject({ ok: true });
  });

  test('that cannot be admitted whatever goes pushes nothing out in vain', async () => {
    const { journal } = newJournal();
    await journal.open();
    await fill(journal, 2);
    for (;;) {
      const { ok, evicted } = await journal.append(mixed([{ lane: 0, count: 4 }]));
      if (!ok || evicted.length > 0) break;
    }
    const all = mixed([{ lane: 2, count: 300 }]);
    expect(await journal.append(all)).toMatchObject({ ok: false, reason: 'journal-full', evicted: [] });
  });
});

type Step =
  | { do: 'append'; lanes: { lane: JournalLane; count: number }[]; size: number }
  | { do: 'deliver'; lane: Lane; share: number }
  | { do: 'lend'; lane: Lane; count: number }
  | { do: 'return' };

const counts = fc.integer({ min: 1, max: 9 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      lanes: fc.uniqueArray(fc.record({ lane: fc.constantFrom<JournalLane>(0, 1, 1, 2, 2, 3, 3, 4), count: counts }), {
        selector: ({ lane }) => lane,
        minLength: 1,
        maxLength: 4,
      }),
      size: fc.constantFrom(20, 200, 900),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      lane: fc.constantFrom<Lane>(0, 0, 1, 2, 3),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('lend' as const), lane: fc.constantFrom(...LANES), count: counts }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('return' as const) }) },
);

/** What must be waiting, by the words of the contract. */
function createModel() {
  const ends = [0, 0, 0, 0, 0];
  const gone = LANES.map((): RangeSet => NO_RANGES);
  const lent = LANES.map((): RangeSet => NO_RANGES);
  const waiting = (lane: Lane): RangeSet => subtract([{ from: 0, to: ends[lane]! }], gone[lane]!);
  const free = (lane: Lane): RangeSet => subtract(waiting(lane), lent[lane]!);
  return {
    ends,
    gone,
    lent,
    waiting,
    /** What is wrong with what a commit of these lanes pushed out. */
    evict(lanes: readonly JournalLane[], outcomes: readonly Outcome[]): string[] {
      const wrong: string[] = [];
      for (const { lane, from, to } of outcomes) {
        const range = `${lane}: ${from}–${to}`;
        const entitled = lanes.every((own) => own <= lane);
        if (lane === 0 || !entitled) wrong.push(`${range} went for a commit of lanes ${lanes}`);
        if (subtract([{ from, to }], free(lane)).length > 0) wrong.push(`${range} was gone or on its way`);
        if (free(lane)[0] && free(lane)[0]!.from < from) wrong.push(`${range} went, older ones stay`);
        const lower = LANES.find((other) => other > lane && free(other).length > 0);
        if (lower !== undefined) wrong.push(`${range} went, records of lane ${lower} stay`);
        gone[lane] = addRanges(gone[lane]!, [{ from, to }]);
      }
      return wrong;
    },
  };
}

test('law: whatever is committed together, no record goes for a less important one, nor before one', async () => {
  const seen = { refused: 0, mixed: 0, evicted: [0, 0, 0, 0] };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 160 }), async (steps) => {
      const { journal, clock, disk } = newJournal();
      const { epoch } = await journal.open();
      const model = createModel();
      for (const now of steps) {
        clock.advance(1_000);
        if (now.do === 'append') {
          const lanes = now.lanes.map(({ lane }) => lane);
          const result = await journal.append(mixed(now.lanes, now.size));
          expect(model.evict(lanes, result.evicted)).toEqual([]);
          for (const { lane, from, to } of result.evicted) seen.evicted[lane]! += to - from;
          if (result.evicted.length > 0 && lanes.length > 1) seen.mixed++;
          const { bytes } = await journal.status();
          expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
          if (!result.ok) {
            expect(result.reason).toBe('journal-full');
            seen.refused++;
            continue;
          }
          if (lanes.some((lane) => lane > 0)) expect(bytes).toBeLessThanOrEqual(MAX_BYTES - RESERVE);
          for (const { lane, first, count } of result.lanes) {
            expect(first).toBe(model.ends[lane]);
            model.ends[lane]! += count;
          }
        } else if (now.do === 'deliver') {
          const range = { from: 0, to: Math.ceil(model.ends[now.lane]! * now.share) };
          if (range.to === 0) continue;
          await journal.settle([{ ...range, epoch, lane: now.lane, fate: 'delivered' }]);
          model.gone[now.lane] = addRanges(model.gone[now.lane]!, [range]);
        } else if (now.do === 'lend') {
          const [first] = model.waiting(now.lane);
          if (!first) continue;
          const request = { epoch, lane: now.lane, from: first.from, to: Math.min(first.to, first.from + now.count) };
          const { to } = await journal.read({ ...request, maxRecords: 100, maxBytes: 1e6, leaseMs: 1e9 });
          model.lent[now.lane] = addRanges(model.lent[now.lane]!, [{ from: request.from, to }]);
        } else {
          await journal.release(LANES.map((lane) => ({ epoch, lane, from: 0, to: 1e9 })));
          model.lent.fill(NO_RANGES);
        }
      }
      await journal.close();
      const { journal: again } = newJournal(disk);
      const { fates } = await again.open();
      for (const lane of LANES) {
        expect(lane === 0 ? fatesOf(fates, epoch, lane).evicted : []).toEqual([]);
        for (const { from, to } of model.waiting(lane)) {
          expect((await readAll(again, epoch, lane, to, 70, from)).missing).toEqual([]);
        }
      }
    }),
    { numRuns: 25 },
  );
  expect(seen.refused).toBeGreaterThan(50);
  expect(seen.mixed).toBeGreaterThan(10);
  expect(seen.evicted[0]).toBe(0);
  for (const lane of [1, 2, 3]) expect(seen.evicted[lane]).toBeGreaterThan(100);
}, 60_000);
