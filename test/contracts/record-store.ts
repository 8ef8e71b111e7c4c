import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PoisonBounds, PoisonCounts } from '../../adapters/poison-bounds.ts';
import { EMPTY_LANE, type PoisonMessage, type RecordStore, type StatedLane } from '../../core/ports.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import { EPOCH_B, envelopeOf, recordAt, START_MS } from '../helpers/envelopes.ts';
import { changeOf, laneKeyIn, storedOf } from '../helpers/store-change.ts';

/** A store under test, and what the contract has to see of its inside. */
export interface StoreUnderTest {
  store: RecordStore;
  rows(): Promise<readonly StoredRow[]>;
  statements(): Promise<readonly StatedLane[]>;
  /** Oldest first. */
  poison(): Promise<readonly PoisonMessage[]>;
  /** Undefined where poison is bounded in time, not in number. */
  poisonCounts: (() => Promise<PoisonCounts>) | undefined;
  /** The same store after a restart of its process. */
  reopen(): Promise<StoreUnderTest>;
  close(): Promise<void>;
}

const BOUNDS: PoisonBounds = { messages: 3, bytes: 100 };

/**
 * What every store of record must do; run against each of them.
 *
 * @param lifetime `process`: the store is gone with its process, so nothing is asked of a restart
 */
export function recordStoreContract(
  name: string,
  lifetime: 'process' | 'durable',
  open: (bounds: PoisonBounds) => Promise<StoreUnderTest>,
): void {
  describe(`record store: ${name}`, () => {
    let under: StoreUnderTest;
    beforeEach(async () => {
      under = await open(BOUNDS);
    });
    afterEach(() => under.close());

    const key = laneKeyIn(envelopeOf(0, 1).header);

    test('a lane never seen is empty', async () => {
      expect(await under.store.readLanes([key])).toEqual([EMPTY_LANE]);
      expect(await under.store.readLanes([])).toEqual([]);
    });

    test('a commit makes rows, index and hashes visible together', async () => {
      const envelope = envelopeOf(0, 3);
      expect(await under.store.commit(changeOf(envelope))).toBe('committed');
      expect(await under.store.readLanes([key, { ...key, epoch: EPOCH_B }])).toEqual([
        { version: 1, stored: [{ from: 0, to: 3 }], givenUp: [] },
        EMPTY_LANE,
      ]);
      expect(await under.store.findHashes([{ key, from: 0, to: 3 }])).toEqual([envelope.header.hash]);
      expect((await under.rows()).map((row) => [row.position, row.value, row.device])).toEqual([
        [0, 0, 'press-000'],
        [1, 0.1, 'press-001'],
        [2, 0.2, 'press-002'],
      ]);
    });

    test('every kind of value comes back exactly', async () => {
      const text = 'läuft "so" \u0000 \u{1F3ED}';
      const json = '{"level":3,"what":"läuft"}';
      const samples = [0.1, -0, 5e-324, Number.MAX_VALUE];
      const values = [-0, Number.MAX_VALUE, 5e-324, 0.1 + 0.2, true, false, text, '', null, { json }, samples];
      const records = values.map((value, position) =>
        recordAt(position, { value, quality: value === null ? 'bad' : 'uncertain', clock: 'unsynced' }),
      );
      await under.store.commit(changeOf(envelopeOf(0, values.length, { records })));
      const rows = await under.rows();
      expect(rows.map((row) => row.value)).toEqual([
        -0,
        Number.MAX_VALUE,
        5e-324,
        0.1 + 0.2,
        1,
        0,
        ...Array(5).fill(null),
      ]);
      expect(rows.map((row) => row.text)).toEqual([...Array(6).fill(null), text, '', null, json, null]);
      expect(rows.map((row) => row.samples)).toEqual([...Array(10).fill(null), samples]);
      expect(rows[1]).toEqual({
        site: 'hall-1',
        node: 'node-a',
        device: 'press-001',
        stream: 'temperature',
        ts: START_MS + 1_000,
        value: Number.MAX_VALUE,
        text: null,
        samples: null,
        quality: 'uncertain',
        clock: 'unsynced',
        lane: 2,
        producer: 'edge',
        epoch: 'aaaaaaaaaaaaaaaa',
        position: 1,
        stored_at: START_MS,
      });
    });

    test('positions given up inside an envelope are left out', async () => {
      const envelope = envelopeOf(0, 5, { givenUp: [{ from: 1, to: 3 }] });
      await under.store.commit(changeOf(envelope));
      expect((await under.rows()).map((row) => row.position)).toEqual([0, 3, 4]);
      expect((await under.store.readLanes([key]))[0]!.givenUp).toEqual([{ from: 1, to: 3 }]);
    });

    test('a conflict on one lane changes nothing on any', async () => {
      await under.store.commit(changeOf(envelopeOf(0, 3)));
      const fresh = envelopeOf(0, 2, { epoch: EPOCH_B });
      const stale = envelopeOf(3, 6);
      const change = changeOf(fresh, 0, {
        lanes: [...changeOf(fresh).lanes, ...changeOf(stale, 0).lanes],
        envelopes: [storedOf(fresh), storedOf(stale)],
        statements: [{ key, upTo: 9, delivered: 9 }],
      });
      expect(await under.store.commit(change)).toBe('conflict');
      expect(await under.store.readLanes([key, laneKeyIn(fresh.header)])).toEqual([
        { version: 1, stored: [{ from: 0, to: 3 }], givenUp: [] },
        EMPTY_LANE,
      ]);
      expect(await under.rows()).toHaveLength(3);
      expect(await under.statements()).toEqual([]);
      expect(await under.store.findHashes([{ key: laneKeyIn(fresh.header), from: 0, to: 2 }])).toEqual([undefined]);
    });

    test('a lane that does not exist has version 0', async () => {
      expect(await under.store.commit(changeOf(envelopeOf(0, 3), 1))).toBe('conflict');
      expect(await under.rows()).toEqual([]);
    });

    test('of two racing commits on one version exactly one wins', async () => {
      const outcomes = await Promise.all([
        under.store.commit(changeOf(envelopeOf(0, 3))),
        under.store.commit(changeOf(envelopeOf(0, 2))),
      ]);
      expect(outcomes.sort()).toEqual(['committed', 'conflict']);
      expect(await under.rows()).toHaveLength(3);
    });

    test('a change that is wrong in itself throws and changes nothing', async () => {
      const good = envelopeOf(0, 2);
      const wrong = { ...storedOf(envelopeOf(2, 4)), positions: [2] };
      await expect(under.store.commit(changeOf(good, 0, { envelopes: [storedOf(good), wrong] }))).rejects.toThrow(
        '2 records with 1 positions',
      );
      expect(await under.rows()).toEqual([]);
      expect(await under.store.readLanes([key])).toEqual([EMPTY_LANE]);
      expect(await under.store.commit(changeOf(good))).toBe('committed');
    });

    test('a hash is found for exactly its range', async () => {
      const envelope = envelopeOf(2, 7);
      await under.store.commit(changeOf(envelope));
      const asked = [
        { key, from: 2, to: 7 },
        { key, from: 2, to: 6 },
        { key: { ...key, lane: 1 as const }, from: 2, to: 7 },
        { key: { ...key, node: 'node-b' }, from: 2, to: 7 },
      ];
      expect(await under.store.findHashes(asked)).toEqual([envelope.header.hash, undefined, undefined, undefined]);
      expect(await under.store.findHashes([])).toEqual([]);
    });

    test('the latest statement of a lane counts', async () => {
      const none = { lanes: [], hashes: [], envelopes: [] };
      const stated = (upTo: number): StatedLane => ({ key, upTo, delivered: upTo - 1 });
      await under.store.commit(changeOf(envelopeOf(0, 1), 0, { ...none, statements: [stated(5)] }));
      await under.store.commit(changeOf(envelopeOf(0, 1), 0, { ...none, statements: [stated(8)] }));
      expect(await under.statements()).toEqual([{ key, upTo: 8, delivered: 7 }]);
      await under.store.commit(changeOf(envelopeOf(0, 1), 0, { ...none, statements: [stated(6)] }));
      expect(await under.statements()).toEqual([{ key, upTo: 8, delivered: 7 }]); // overtaken on its way
    });

    test('poison is kept as it came', async () => {
      const message: PoisonMessage = {
        client: 'node-a',
        reason: 'undecodable',
        detail: 'neither envelope nor question: 3 bytes',
        payload: new Uint8Array([0, 255, 10]),
        atMs: START_MS,
      };
      await under.store.putAside([message]);
      expect(await under.poison()).toEqual([message]);
    });

    test('poison is kept within both bounds, the oldest goes first and is counted', async () => {
      if (under.poisonCounts === undefined) return;
      const poison = (size: number, atMs: number): PoisonMessage => ({
        client: 'node-a',
        reason: 'undecodable',
        detail: `message ${atMs}`,
        payload: new Uint8Array(size).fill(atMs),
        atMs,
      });
      for (const atMs of [1, 2, 3, 4]) await under.store.putAside([poison(10, atMs)]);
      expect((await under.poison()).map(({ atMs }) => atMs)).toEqual([2, 3, 4]);
      expect((await under.poison())[0]).toEqual(poison(10, 2));
      await under.store.putAside([poison(85, 5)]);
      expect((await under.poison()).map(({ atMs }) => atMs)).toEqual([4, 5]);
      expect(await under.poisonCounts()).toEqual({ messages: 2, bytes: 95, dropped: 3 });
    });

    test('poison of one batch is kept within the bounds too', async () => {
      if (under.poisonCounts === undefined) return;
      const batch = [1, 2, 3, 4, 5].map((atMs): PoisonMessage => {
        return { client: 'node-a', reason: 'undecodable', detail: 'noise', payload: new Uint8Array(30), atMs };
      });
      await under.store.putAside(batch);
      expect((await under.poison()).map(({ atMs }) => atMs)).toEqual([3, 4, 5]);
      expect(await under.poisonCounts()).toEqual({ messages: 3, bytes: 90, dropped: 2 });
    });

    test('lanes of a node are counted, those only stated too', async () => {
      const stated = { ...key, epoch: EPOCH_B };
      const statements = [
        { key, upTo: 1, delivered: 1 },
        { key: stated, upTo: 1, delivered: 0 },
      ];
      await under.store.commit(changeOf(envelopeOf(0, 1), 0, { statements }));
      expect(await under.store.laneCount('node-a')).toBe(2);
      expect(await under.store.laneCount('node-b')).toBe(0);
    });

    if (lifetime === 'process') return;

    test('a restart keeps everything', async () => {
      await under.store.commit(changeOf(envelopeOf(0, 3), 0, { statements: [{ key, upTo: 4, delivered: 3 }] }));
      const before = { id: under.store.id, rows: await under.rows() };
      under = await under.reopen();
      expect({ id: under.store.id, rows: await under.rows() }).toEqual(before);
      expect(await under.statements()).toEqual([{ key, upTo: 4, delivered: 3 }]);
      expect(await under.store.commit(changeOf(envelopeOf(3, 5), 0))).toBe('conflict');
      expect(await under.store.commit(changeOf(envelopeOf(3, 5), 1))).toBe('committed');
      expect(await under.rows()).toHaveLength(5);
    });
  });
}
