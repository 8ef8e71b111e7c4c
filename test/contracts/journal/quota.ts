import { expect, test } from '@jest/globals';
import { fatesOf, type Outcome } from '../../../core/lane-fates.ts';
import { LANES, type Lane } from '../../../core/priority.ts';
import { rangeSetOf } from '../../../core/ranges.ts';
import type { Commit, Journal } from '../../../journal/journal-port.ts';
import { createRecordWriter } from '../../../journal/record-codec.ts';
import { commitOf, readAll, record, type Within, waitingOf } from './harness.ts';

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

/** What goes when there is no room, and that it comes back. */
export function quotaTests(within: Within): void {
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

  test('full of what is on its way: critical is refused until it is given back, and finds room then', () =>
    within(async (harness) => {
      const journal = harness.start({ maxBytes: 1024 ** 2 });
      const { epoch } = await journal.open();
      const end = await fillUntilEvicted(journal, 2);
      const range = { epoch, lane: 2 as const, from: 0, to: end };
      await journal.read({ ...range, maxRecords: 1e9, maxBytes: 1e9, leaseMs: 3_600_000 });
      const { end: critical } = await fill(journal, 0, 100);
      await journal.release([range]);
      const { end: afterRelease, evicted } = await fill(journal, 0, 100, critical);
      expect(afterRelease).toBeGreaterThan(critical);
      expect(evicted.map(({ lane }) => lane)).toContain(2);
      await journal.close();
    }));

  test('null removes a key of the state, also after restarts', () =>
    within(async (harness) => {
      const journal = harness.start();
      await journal.open();
      await journal.append(commitOf(2, [1], { kept: 1, gone: 2 }));
      await journal.append(commitOf(2, [2], { gone: null }));
      await journal.close();
      for (let start = 0; start < 2; start++) {
        const again = harness.start();
        expect((await again.open()).state).toEqual({ kept: 1 });
        await again.close();
      }
    }));
}
