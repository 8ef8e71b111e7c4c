import { describe, expect, test } from '@jest/globals';
import { createCloudStore } from '../../../adapters/aws/record-store.ts';
import { createMemoryItemTable } from '../../../adapters/memory/item-table.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMemoryObjectStore } from '../../../adapters/memory/object-store.ts';
import { landingKey, partialKeyOf, stagingKey } from '../../../core/cold-layout.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import { createIngest } from '../../../lambdas/ingest/handler.ts';
import { readLandedMessage } from '../../../lambdas/landed-message.ts';
import type { SweepPorts } from '../../../lambdas/sweep/env.ts';
import { createHandler } from '../../../lambdas/sweep/handler.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import { envelopeOf } from '../../helpers/envelopes.ts';

const NOW_MS = Date.UTC(2026, 0, 20, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AMPLE_MS = () => 600_000;

function setUp(over: Partial<SweepPorts> = {}) {
  let nowMs = NOW_MS;
  const objects = createMemoryObjectStore(() => nowMs);
  const table = createMemoryItemTable('table-1');
  const logger = createMemoryLogger();
  const sent: string[][] = [];
  const sendLanded = async (body: string) => void sent.push(readLandedMessage(body));
  const ports: SweepPorts = {
    objects,
    table,
    finishStaged: async () => 'landed',
    sendLanded,
    nowMs: () => nowMs,
    logger,
    ...over,
  };
  /** Puts objects as if it were so long ago. */
  const putAgo = async (ms: number, ...keys: string[]) => {
    nowMs = NOW_MS - ms;
    for (const key of keys) await objects.put(key, new Uint8Array(1));
    nowMs = NOW_MS;
  };
  return { objects, table, logger, sent, ports, putAgo, sweep: createHandler(ports) };
}
/** A batch stored so long ago. */
const batchAgo = (ms: number, tail = '0'): string => `${(NOW_MS - ms).toString(36).padStart(9, '0')}-${tail}`;

describe('staged batches', () => {
  test('those left for ten minutes are finished, each once', async () => {
    const finished: string[] = [];
    const ends: Record<string, 'landed' | 'released' | 'unknown'> = { b: 'released', c: 'unknown' };
    const { sweep, putAgo } = setUp({
      finishStaged: async (batch) => {
        finished.push(batch);
        return ends[batch] ?? 'landed';
      },
    });
    await putAgo(HOUR, stagingKey('a', '2026-01-01'), stagingKey('a', '2026-01-02'), stagingKey('b', '2026-01-01'));
    await putAgo(HOUR, stagingKey('c', '2026-01-01'), 'staging/other');
    await putAgo(9 * 60_000, stagingKey('young', '2026-01-01'));
    expect(await sweep(AMPLE_MS)).toEqual({
      batches: { landed: 1, released: 1, unknown: 1, failed: 0 },
      queued: 0,
      complete: true,
    });
    expect(finished).toEqual(['a', 'b', 'c']);
  });

  test('one that fails holds up no other', async () => {
    const { sweep, putAgo, logger } = setUp({
      finishStaged: async (batch) => (batch === 'a' ? Promise.reject(new Error('out')) : 'landed'),
    });
    await putAgo(HOUR, stagingKey('a', '2026-01-01'), stagingKey('b', '2026-01-01'));
    expect((await sweep(AMPLE_MS)).batches).toEqual({ landed: 1, released: 0, unknown: 0, failed: 1 });
    expect(logger.lines[0]).toMatchObject({ level: 'error', fields: { batch: 'a' } });
  });

  test('a batch whose function died before the copy is landed and queued', async () => {
    const rig = setUp();
    const store = createCloudStore({
      objects: { ...rig.objects, copy: () => Promise.reject(new Error('died here')) },
      table: rig.table,
      random: createSeededRandom(1n),
      logger: rig.logger,
      nowMs: () => NOW_MS - HOUR,
      landed: async () => undefined,
    });
    const ingest = createIngest({
      store,
      codec: byteCodec,
      nowMs: () => NOW_MS - HOUR,
      logger: rig.logger,
      audit: { record: () => undefined },
      mayCarry: () => true,
    });
    await ingest([{ client: 'node-a', payload: encodeEnvelope(envelopeOf(0, 5)) }]);
    const staged = rig.objects.keys('staging/');
    expect(staged.length).toBeGreaterThan(0);
    for (const key of staged) await rig.putAgo(HOUR, key);

    const sound = createCloudStore({
      objects: rig.objects,
      table: rig.table,
      random: createSeededRandom(2n),
      logger: rig.logger,
      nowMs: () => NOW_MS,
      landed: (keys) => rig.ports.sendLanded(JSON.stringify({ keys })),
    });
    const result = await createHandler({ ...rig.ports, finishStaged: sound.finishStaged })(AMPLE_MS);
    expect(result.batches.landed).toBeGreaterThan(0);
    expect(rig.objects.keys('landing/')).toHaveLength(1);
    expect(rig.sent.flat()).toEqual(rig.objects.keys('landing/'));
    // The sweep looks back by the time in a batch's name: it must be there.
    const [landed] = rig.objects.keys('landing/');
    expect(landed! > landingKey(batchAgo(HOUR, ''), '2025-01-01').replace('.parquet', '')).toBe(true);
    expect(landed! < landingKey(batchAgo(HOUR - 1, ''), '2025-01-01')).toBe(true);
  });
});

describe('landed objects', () => {
  test('those without summaries are queued again, whatever day they are of', async () => {
    const { sweep, sent, putAgo } = setUp();
    const done = landingKey(batchAgo(2 * HOUR, 'done'), '2026-01-20');
    const lost = landingKey(batchAgo(2 * HOUR, 'lost'), '2026-01-20');
    const done2 = landingKey(batchAgo(90 * 60_000, 'done'), '2026-01-20');
    const late = landingKey(batchAgo(DAY), '2009-03-01');
    const last = landingKey(batchAgo(HOUR), '2026-01-20');
    const tooOld = landingKey(batchAgo(15 * DAY), '2026-01-05');
    await putAgo(HOUR, done, partialKeyOf(done)!, lost, done2, partialKeyOf(done2)!, late, last, tooOld);
    await putAgo(0, landingKey(batchAgo(0), '2026-01-20'));
    const orphan = partialKeyOf(landingKey(batchAgo(2 * HOUR, 'gone'), '2026-01-20'))!;
    await putAgo(HOUR, orphan); // compaction took its landed object
    expect(await sweep(AMPLE_MS)).toMatchObject({ queued: 3, complete: true });
    expect(sent).toEqual([[late], [lost], [last]]);
  });

  test('each is a message of its own: nobody knows how large it is', async () => {
    const { sweep, sent, putAgo } = setUp();
    const keys = Array.from({ length: 45 }, (_, at) => landingKey(batchAgo(DAY, String(at + 10)), '2026-01-20'));
    await putAgo(DAY, ...keys);
    expect(await sweep(AMPLE_MS)).toMatchObject({ queued: 45 });
    expect(sent.map((message) => message.length)).toEqual(Array.from({ length: 45 }, () => 1));
    expect(sent.flat()).toEqual(keys);
  });

  test('when the time is up the next sweep goes on where this one stopped, then from the start', async () => {
    const { sweep, sent, putAgo, table } = setUp();
    const keys = ['2026-01-01', '2026-01-01', '2026-01-02', '2026-01-03', '2026-01-03'].map((dt, at) =>
      landingKey(batchAgo(DAY, String(at)), dt),
    );
    await putAgo(DAY, ...keys);
    /** Time for so many objects. */
    const timeFor = (count: number) => {
      let left = count;
      return () => (left-- > 0 ? 100_000 : 1_000);
    };
    expect(await sweep(timeFor(1))).toMatchObject({ queued: 1, complete: false });
    expect(await sweep(timeFor(3))).toMatchObject({ queued: 2, complete: false }); // the end of a day takes its time too
    expect(await sweep(timeFor(0))).toMatchObject({ queued: 0, complete: false });
    expect(await sweep(AMPLE_MS)).toMatchObject({ queued: 2, complete: true });
    expect(sent.flat()).toEqual(keys);
    expect(table.items()).toEqual([]);
    expect(await sweep(AMPLE_MS)).toMatchObject({ queued: 5 });
  });

  test('a queue that refuses leaves the cursor where it was', async () => {
    const rig = setUp();
    await rig.putAgo(DAY, landingKey(batchAgo(DAY), '2026-01-01'));
    const sweep = createHandler({ ...rig.ports, sendLanded: () => Promise.reject(new Error('out')) });
    await expect(sweep(AMPLE_MS)).rejects.toThrow('out');
    expect(rig.table.items()).toEqual([]);
    expect(await rig.sweep(AMPLE_MS)).toMatchObject({ queued: 1 });
  });
});
