import { expect, test } from '@jest/globals';
import { commitOf, readAll, type Within } from './harness.ts';

/** Identity, and what a new opening finds. */
export function basicTests(within: Within): void {
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
}
