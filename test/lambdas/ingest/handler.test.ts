import { describe, expect, test } from '@jest/globals';
import { createMemoryAudit, createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../../../adapters/memory/record-store.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { type AnswerItem, decodeAnswer, encodeQuestion } from '../../../core/messages.ts';
import type { RecordStore } from '../../../core/ports.ts';
import type { IngestEvent, IngestMessage, IngestPorts, IngestResult } from '../../../lambdas/ingest/env.ts';
import { createIngest } from '../../../lambdas/ingest/handler.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import { EPOCH_A, envelopeOf } from '../../helpers/envelopes.ts';

/** Ingest on a store of which single calls can be replaced. */
function setUp(
  replace: (store: MemoryRecordStore) => Partial<RecordStore> = () => ({}),
  over: Partial<IngestPorts> = {},
) {
  const store = createMemoryRecordStore('memory-1');
  const logger = createMemoryLogger();
  const audit = createMemoryAudit();
  const events: IngestEvent[] = [];
  const ingest = createIngest({
    store: { ...store, ...replace(store) },
    codec: byteCodec,
    nowMs: () => 1_700_000_000_000,
    logger,
    audit,
    mayCarry: (client, node) => client === node,
    observe: (event) => events.push(event),
    ...over,
  });
  return { store, logger, audit, events, ingest };
}

const message = (from: number, to: number, node = 'node-a') => ({
  client: node,
  payload: encodeEnvelope(envelopeOf(from, to, { node })),
});
const itemsOf = ({ answers }: IngestResult): AnswerItem[] =>
  answers.flatMap(({ payload }) => {
    const decoded = decodeAnswer(payload);
    return decoded.ok ? decoded.value.items : [];
  });
const lane = { node: 'node-a', producer: 'edge', epoch: EPOCH_A, lane: 2 as const };

describe('order', () => {
  test('nothing is answered before the commit is done', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { ingest, store } = setUp((inner) => ({ commit: (change) => gate.then(() => inner.commit(change)) }));
    let answered = false;
    const result = ingest([message(0, 5)]).then((value) => {
      answered = true;
      return value;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    expect(store.rows()).toEqual([]);
    release();
    expect(itemsOf(await result)).toHaveLength(1);
    expect(store.rows()).toHaveLength(5);
  });

  test('one batch is one read and one commit, and none if it changes nothing', async () => {
    const calls: string[] = [];
    const { ingest } = setUp((inner) => ({
      readLanes: (keys) => {
        calls.push(`read ${keys.length}`);
        return inner.readLanes(keys);
      },
      commit: (change) => {
        calls.push(`commit ${change.envelopes.length}`);
        return inner.commit(change);
      },
    }));
    await ingest([message(0, 5), message(5, 9), message(0, 5, 'node-b')]);
    await ingest([message(0, 9)]);
    await ingest([]);
    expect(calls).toEqual(['read 2', 'commit 3', 'read 1']);
  });

  test('rows carry the time of storing; the node named in each answer message is one', async () => {
    const { ingest, store } = setUp(undefined, { mayCarry: () => true });
    const carried = { ...message(0, 2, 'node-b'), client: 'node-a' };
    const { answers } = await ingest([message(0, 2), carried]);
    expect(answers.map(({ client }) => client)).toEqual(['node-a', 'node-a']);
    expect(store.rows().every((row) => row.stored_at === 1_700_000_000_000)).toBe(true);
  });
});

describe('another writer', () => {
  test('wins the lane: read again, judge again', async () => {
    let first = true;
    const { ingest, store } = setUp((inner) => ({
      commit: async (change) => {
        if (first) {
          first = false;
          // In between, another instance stores the first half of what this batch brings.
          await inner.commit({
            ...change,
            lanes: [{ key: lane, expectedVersion: 0, stored: [{ from: 0, to: 5 }], givenUp: [] }],
            hashes: [],
            envelopes: [],
          });
        }
        return inner.commit(change);
      },
    }));
    const result = await ingest([message(0, 10), message(10, 12)]);
    expect(itemsOf(result)).toMatchObject([
      { type: 'stored', ranges: [{ from: 10, to: 12 }] },
      { type: 'refused', reason: 'overlap', known: [{ from: 0, to: 5 }] },
    ]);
    expect(store.rows().map((row) => row.position)).toEqual([10, 11]);
  });

  test('wins again and again: the batch comes back later', async () => {
    let commits = 0;
    const { ingest } = setUp(() => ({
      commit: async () => {
        commits++;
        return 'conflict';
      },
    }));
    expect(await ingest([message(0, 10), message(10, 12)])).toEqual({
      answers: [],
      failed: [0, 1],
      outcomes: ['failed', 'failed'],
    });
    expect(commits).toBe(5);
  });
});

describe('a store in trouble', () => {
  const broken = () => {
    throw new Error('disk full');
  };

  test.each(['readLanes', 'commit', 'findHashes'] as const)(
    '%s throws: failed, not answered, not thrown',
    async (call) => {
      let trouble = false;
      const { ingest, store, events } = setUp((inner) => ({
        [call]: (argument: never) => (trouble ? broken() : inner[call](argument)),
      }));
      await ingest([message(0, 5)]);
      trouble = true;
      // The first is a replay, which needs a hash; the second must be committed.
      const result = await ingest([message(0, 5), message(5, 9)]);
      expect(result.failed).toContain(call === 'commit' ? 1 : 0);
      expect(itemsOf(result)).toHaveLength(2 - result.failed.length);
      expect(events.filter(({ outcome }) => outcome === 'failed')).toHaveLength(result.failed.length);
      trouble = false;
      expect((await ingest([message(0, 5), message(5, 9)])).failed).toEqual([]);
      expect(store.rows()).toHaveLength(9);
    },
  );

  test('fails once: the second try takes all', async () => {
    let tries = 0;
    const { ingest } = setUp((inner) => ({
      commit: async (change) => (++tries === 1 ? broken() : inner.commit(change)),
    }));
    expect((await ingest([message(0, 5), message(5, 9)])).failed).toEqual([]);
    expect(tries).toBe(2);
  });

  test('one envelope that it cannot take does not hold the others', async () => {
    const { ingest, store } = setUp((inner) => ({
      commit: async (change) =>
        change.envelopes.some(({ header }) => header.from === 5) ? broken() : inner.commit(change),
    }));
    const result = await ingest([message(0, 5), message(5, 9), message(9, 12)]);
    expect(result.failed).toEqual([1]);
    expect(itemsOf(result)).toMatchObject([
      {
        type: 'stored',
        ranges: [
          { from: 0, to: 5 },
          { from: 9, to: 12 },
        ],
      },
    ]);
    expect(store.rows()).toHaveLength(8);
  });

  test('what cannot be put aside is not refused either, it comes again', async () => {
    const { ingest } = setUp(() => ({ putAside: broken }));
    const payload = message(0, 5).payload;
    const cutOff = { client: 'node-a', payload: payload.subarray(0, payload.length - 1) };
    const result = await ingest([cutOff, message(5, 9)]);
    expect(result.failed).toEqual([0]);
    expect(itemsOf(result)).toMatchObject([{ type: 'stored', ranges: [{ from: 5, to: 9 }] }]);
  });

  test('a bug anywhere is a failed batch', async () => {
    const { ingest, logger } = setUp(undefined, { mayCarry: broken });
    expect(await ingest([message(0, 5)])).toEqual({ answers: [], failed: [0], outcomes: ['failed'] });
    expect(logger.lines).toMatchObject([{ level: 'error', message: 'ingest failed' }]);
  });
});

describe('what one node may cost', () => {
  test('poison of a batch is put aside in one call, told once', async () => {
    const sizes: number[] = [];
    const { ingest, logger, store } = setUp((inner) => ({
      putAside: (poison) => {
        sizes.push(poison.length);
        return inner.putAside(poison);
      },
    }));
    const noise = Array.from({ length: 20 }, () => ({ client: 'node-a', payload: Buffer.from('noise') }));
    expect((await ingest([message(0, 5), ...noise])).putAside).toEqual(noise.map((_, at) => at + 1));
    expect(sizes).toEqual([20]);
    expect(store.poison()).toHaveLength(20);
    expect(logger.lines).toMatchObject([{ fields: { messages: 20 } }]);
  });

  test('a node with too many lanes gets no new one; the ones it has go on, others too', async () => {
    let lanes = 0;
    const { ingest, store } = setUp((inner) => ({
      laneCount: async (node) => (node === 'node-a' ? lanes : inner.laneCount(node)),
    }));
    await ingest([message(0, 5)]);
    lanes = 1_000_000;
    const epoch = 'cccccccccccccccc';
    const fresh = { client: 'node-a', payload: encodeEnvelope(envelopeOf(0, 5, { epoch })) };
    const counts = encodeQuestion({
      type: 'counts',
      lanes: [{ producer: 'edge', epoch, lane: 2, upTo: 5, delivered: 5, givenUp: [] }],
    });
    const result = await ingest([message(5, 9), fresh, { client: 'node-a', payload: counts }, message(0, 3, 'node-b')]);
    expect(itemsOf(result)).toMatchObject([
      { type: 'stored', ranges: [{ from: 5, to: 9 }] },
      { type: 'refused', epoch, reason: 'too-many-epochs' },
      { type: 'stored', ranges: [{ from: 0, to: 3 }] },
    ]);
    expect(store.lanes()).toHaveLength(2);
    expect(store.statements()).toEqual([]);
    expect(store.poison()).toEqual([]);
  });
});

test('a statement that contradicts itself is counted as refused and kept: nothing of it is taken down', async () => {
  const { ingest, store, events } = setUp();
  const most = Number.MAX_SAFE_INTEGER;
  const givenUp = [{ from: 0, to: most }];
  const stated = { producer: 'edge', epoch: EPOCH_A, lane: 2 as const, upTo: most, delivered: 0, givenUp };
  const payload = encodeQuestion({ type: 'counts', whole: true, lanes: [{ ...stated, rest: { waiting: most } }] });
  expect(await ingest([{ client: 'node-a', payload }])).toMatchObject({ putAside: [0], outcomes: ['undecodable'] });
  expect(events).toMatchObject([{ client: 'node-a', outcome: 'undecodable' }]);
  expect(store.poison()).toMatchObject([
    { client: 'node-a', payload, reason: 'undecodable', detail: expect.stringContaining('two things at once') },
  ]);
  expect(store.statements()).toEqual([]);
});

describe('what is told', () => {
  test('each message is observed once, as what became of it', async () => {
    const { ingest, events } = setUp();
    await ingest([message(0, 5)]);
    await ingest([
      message(0, 5),
      message(4, 8),
      { client: 'node-a', payload: Buffer.from('noise') },
      { client: 'node-b', payload: message(0, 5).payload },
      { client: 'node-a', payload: encodeQuestion({ type: 'status', lanes: [] }) },
      { client: 'node-a', payload: encodeQuestion({ type: 'counts', lanes: [] }) },
    ]);
    expect(events).toEqual([
      { client: 'node-a', node: 'node-a', lane: 2, outcome: 'stored', records: 5, bytes: message(0, 5).payload.length },
      { client: 'node-a', node: 'node-a', lane: 2, outcome: 'known', records: 5, bytes: message(0, 5).payload.length },
      expect.objectContaining({ outcome: 'overlap', records: 4 }),
      { client: 'node-a', node: undefined, lane: undefined, outcome: 'undecodable', records: 0, bytes: 5 },
      expect.objectContaining({ client: 'node-b', node: 'node-a', outcome: 'not-allowed', records: 0 }),
      expect.objectContaining({ node: 'node-a', lane: undefined, outcome: 'status', records: 0 }),
      expect.objectContaining({ outcome: 'counted' }),
    ]);
  });

  test('a stranger is audited', async () => {
    const { ingest, audit } = setUp();
    await ingest([{ client: 'node-b', payload: message(0, 5).payload }]);
    expect(audit.events).toEqual([
      { actor: 'node-b', action: 'deliver', target: 'node-a', outcome: 'refused', reason: 'not-allowed' },
    ]);
  });

  test('of two count statements in one batch the later count is kept, whatever their order', async () => {
    const { ingest, store } = setUp();
    const statement = (upTo: number) => ({
      client: 'node-a',
      payload: encodeQuestion({
        type: 'counts',
        lanes: [{ producer: 'edge', epoch: EPOCH_A, lane: 2, upTo, delivered: upTo - 1, givenUp: [] }],
      }),
    });
    expect(itemsOf(await ingest([statement(20), statement(10)]))).toHaveLength(2);
    expect(store.statements()).toEqual([{ key: lane, upTo: 20, delivered: 19 }]);
  });
});

describe('what is neither envelope nor question', () => {
  const other = (type: string) => ({ client: 'node-a', payload: Buffer.from(JSON.stringify({ type })) });

  test('goes to who knows it, in its place of the batch', async () => {
    const taken: IngestMessage[] = [];
    const { ingest, logger, store } = setUp(undefined, { other: (one) => taken.push(one) > 0 });
    const result = await ingest([message(0, 5), other('report'), message(5, 10)]);
    expect(result).toMatchObject({ failed: [], outcomes: ['stored', 'other', 'stored'] });
    expect([taken, store.rows().length, logger.lines]).toEqual([[other('report')], 10, []]);
  });

  test('is passed over with one line a kind if nobody does; a broken message is put aside still', async () => {
    const { ingest, logger } = setUp();
    for (let time = 0; time < 3; time++) await ingest([other('report'), other('praise')]);
    expect(logger.lines).toMatchObject([{ level: 'info', fields: { type: 'report' } }, { fields: { type: 'praise' } }]);
    expect((await ingest([{ client: 'node-a', payload: Buffer.from('{}') }])).putAside).toEqual([0]);
  });

  test('count statements are told of once they are taken down, and not before', async () => {
    const told: string[] = [];
    let fails = true;
    const { ingest } = setUp(
      (inner) => ({ commit: async (change) => (fails ? Promise.reject(new Error('full')) : inner.commit(change)) }),
      { stated: (node, { lanes }) => void told.push(`${node} ${lanes.length}`) },
    );
    const { node: _node, ...own } = lane;
    const lanes = [{ ...own, upTo: 5, delivered: 0, givenUp: [] }];
    const statement = { client: 'node-a', payload: encodeQuestion({ type: 'counts', lanes }) };
    expect((await ingest([statement])).failed).toEqual([0]);
    expect(told).toEqual([]);
    fails = false;
    await ingest([statement]);
    expect(told).toEqual(['node-a 1']);
  });
});
