import { beforeAll, expect, test } from '@jest/globals';
import { checkState, diskWith } from './check-state.ts';
import { explore } from './explore.ts';
import type { QuotaName, RecordedRun } from './journal-run.ts';
import type { Note } from './known.ts';
import type { DiskEvent } from './recording-disk.ts';
import { recordOnDisk, SEED } from './with-run.ts';

/**
 * A sample of the states that a crash may leave of a journal at work; test/faults/crash-states.test.ts looks at many
 * more. Each is opened by the real journal and must hold all that was acknowledged until then.
 */
const recorded = {} as Record<QuotaName, RecordedRun>;
beforeAll(async () => {
  for (const quota of ['tight', 'roomy'] as const) recorded[quota] = await recordOnDisk(quota);
});

const look = (quota: QuotaName, events: readonly DiskEvent<Note>[], every: number, maxFailures = 5) =>
  explore(events, { seed: SEED, every, maxFailures }, ({ state, known, keys, seed }) =>
    checkState(diskWith(state), known, keys, seed, quota),
  );

test('the journal that was recorded did all that can be cut off', () => {
  const { tight, roomy } = recorded;
  expect(tight.happened.evicted).toBeGreaterThan(1_000);
  expect(Math.min(roomy.happened.spares, roomy.happened.recycled)).toBeGreaterThan(1);
  for (const { happened } of [tight, roomy]) {
    expect(happened.commits).toBeGreaterThan(80);
    expect(happened.delivered).toBeGreaterThan(1_000);
    expect(happened.rotated).toBeGreaterThan(1);
  }
});

test.each([
  ['tight', 250],
  ['roomy', 300],
] as const)('crash states, %s quota: each holds everything that was acknowledged, once', async (quota, every) => {
  const { failures, ...found } = await look(quota, recorded[quota].events, every);
  console.info({ quota, ...found });
  expect(failures).toEqual([]);
  expect(found.states).toBeGreaterThan(50);
});

/** A journal that forgot one of its steps would leave these; the check must see it. */
const broken: [string, (events: readonly DiskEvent<Note>[]) => DiskEvent<Note>[]][] = [
  ['flushes nothing', (events) => events.filter((event) => event.do !== 'sync')],
  ['never flushes the directory', (events) => events.filter((event) => event.do !== 'sync-directory')],
  [
    'writes nothing into one block',
    (events) => {
      const [, , commit] = events.filter((event) => event.do === 'write' && event.bytes[36] === 2);
      return events.filter((event) => event !== commit);
    },
  ],
  [
    'removes a segment before its time',
    (events) => {
      const names = events.flatMap((event) =>
        event.do === 'create' && event.name.startsWith('records-') ? [event.name] : [],
      );
      const second = events.findIndex((event) => event.do === 'create' && event.name === names[1]);
      const removal = [{ do: 'remove', name: names[0]! }, { do: 'sync-directory' }] as const;
      return [...events.slice(0, second + 3), ...removal, ...events.slice(second + 3)];
    },
  ],
];
test.each(broken)('a journal that %s is found out', async (_what, breakIt) => {
  const { failures } = await look('roomy', breakIt(recorded.roomy.events), 25, 1);
  expect(failures.length).toBe(1);
});
