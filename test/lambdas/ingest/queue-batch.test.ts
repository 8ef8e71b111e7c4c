import { describe, expect, test } from '@jest/globals';
import type { SQSEvent } from 'aws-lambda';
import { createMemoryItemTable } from '../../../adapters/memory/item-table.ts';
import { createMemoryAudit, createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMemoryRecordStore } from '../../../adapters/memory/record-store.ts';
import type { Envelope } from '../../../core/envelope.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { type AnswerItem, decodeAnswer } from '../../../core/messages.ts';
import type { Notice } from '../../../lambdas/ingest/critical-notices.ts';
import { createQueueBatch, type QueueBatchPorts } from '../../../lambdas/ingest/queue-batch.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import { envelopeOf } from '../../helpers/envelopes.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const AMPLE_MS = () => 60_000;

type Records = SQSEvent['Records'];
interface Sketch {
  client?: string;
  receives?: number;
  id?: string;
}
const inQueue = (body: string, { id = 'm-1', receives = 1 }: Sketch = {}): Records[number] => ({
  messageId: id,
  receiptHandle: '',
  body,
  attributes: {
    ApproximateReceiveCount: String(receives),
    SentTimestamp: '0',
    SenderId: '',
    ApproximateFirstReceiveTimestamp: '0',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: '',
  awsRegion: 'eu-west-1',
});
const carrying = (payload: Uint8Array, sketch: Sketch = {}): Records[number] =>
  inQueue(
    JSON.stringify({
      payload: Buffer.from(payload).toString('base64'),
      client: sketch.client ?? 'node-a',
      topic: 'headwater/node-a/bulk',
      at: NOW_MS,
    }),
    sketch,
  );
const sent = (envelope: Envelope, sketch: Sketch = {}) =>
  carrying(encodeEnvelope(envelope), { client: envelope.header.node, ...sketch });
const critical = (from: number, to: number, over: Parameters<typeof envelopeOf>[2] = {}) =>
  envelopeOf(from, to, { lane: 0, ...over });

function setUp(over: Partial<QueueBatchPorts> = {}) {
  const store = createMemoryRecordStore('memory-1');
  const table = createMemoryItemTable('table-1');
  const logger = createMemoryLogger();
  const audit = createMemoryAudit();
  const published: { topic: string; items: AnswerItem[] }[] = [];
  const notices: Notice[] = [];
  const order: string[] = [];
  const ports: QueueBatchPorts = {
    store,
    table,
    codec: byteCodec,
    logger,
    audit,
    nowMs: () => NOW_MS,
    after: () => () => undefined,
    mayCarry: (client, node) => client === node,
    publish: async (topic, payload) => {
      order.push(`answer with ${store.rows().length} rows stored`);
      const answer = decodeAnswer(payload);
      published.push({ topic, items: answer.ok ? answer.value.items : [] });
    },
    notify: async (notice) => {
      order.push('notice');
      notices.push(notice);
    },
    ...over,
  };
  const handle = createQueueBatch(ports, 'demo');
  const run = async (...records: Records) =>
    (await handle({ Records: records }, AMPLE_MS)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  const notes = () => table.items().filter(({ pk }) => pk.startsWith('attempt#'));
  return { store, table, logger, audit, published, notices, order, ports, handle, run, notes };
}
const broken = () => Promise.reject(new Error('out'));
/** A timer that the test fires. */
function timers() {
  const set: (() => void)[] = [];
  const after = (_ms: number, run: () => void) => {
    set.push(run);
    return () => void set.splice(set.indexOf(run), 1);
  };
  return { set, after };
}

describe('one batch', () => {
  test('stores, then answers each client on its topic, then tells what is critical', async () => {
    const { run, published, order, store, notices } = setUp();
    const failed = await run(
      sent(envelopeOf(0, 5), { id: 'a' }),
      sent(critical(0, 2, { node: 'node-b' }), { id: 'b', client: 'node-b#2' }),
    );
    expect(failed).toEqual([]);
    expect(store.rows()).toHaveLength(7);
    expect(order).toEqual(['answer with 7 rows stored', 'answer with 7 rows stored', 'notice']);
    expect(published.map(({ topic }) => topic)).toEqual(['headwater/node-a/answer', 'headwater/node-b/answer']);
    expect(published[0]!.items).toMatchObject([{ type: 'stored', ranges: [{ from: 0, to: 5 }] }]);
    expect(JSON.parse(notices[0]!.body)).toMatchObject({
      fleet: 'demo',
      node: 'node-b',
      records: [
        { id: 'node-b/edge/aaaaaaaaaaaaaaaa/0/0', site: 'hall-1', value: 0, at: '2025-01-01T00:00:00.000Z' },
        {},
      ],
    });
    expect(notices[0]!.subject).toBe('2 critical records in demo: node-b');
  });

  test('what the store cannot take comes again, the rest does not', async () => {
    const { run, published } = setUp();
    const store = createMemoryRecordStore('memory-1');
    const picky = {
      ...store,
      commit: (change: Parameters<typeof store.commit>[0]) =>
        change.envelopes.some(({ header }) => header.node === 'node-b') ? broken() : store.commit(change),
    };
    const other = setUp({ store: picky });
    const records = [sent(envelopeOf(0, 5), { id: 'a' }), sent(envelopeOf(0, 5, { node: 'node-b' }), { id: 'b' })];
    expect(await other.run(...records)).toEqual(['b']);
    expect(other.published.map(({ topic }) => topic)).toEqual(['headwater/node-a/answer']);
    expect(await run(...records)).toEqual([]);
    expect(published).toHaveLength(2);
  });

  test('an answer that cannot be published brings the messages of its client back, and is said the next time', async () => {
    const rig = setUp();
    const failing = createQueueBatch(
      {
        ...rig.ports,
        publish: (topic, payload) => (topic.includes('node-a') ? broken() : rig.ports.publish(topic, payload)),
      },
      'demo',
    );
    const records = [sent(envelopeOf(0, 5), { id: 'a' }), sent(envelopeOf(0, 5, { node: 'node-b' }), { id: 'b' })];
    const { batchItemFailures } = await failing({ Records: records }, AMPLE_MS);
    expect(batchItemFailures).toEqual([{ itemIdentifier: 'a' }]);
    expect(rig.store.rows()).toHaveLength(10);
    expect(await rig.run(sent(envelopeOf(0, 5), { id: 'a', receives: 2 }))).toEqual([]);
    expect(rig.store.rows()).toHaveLength(10);
    expect(rig.published.at(-1)!.items).toMatchObject([{ type: 'stored', ranges: [{ from: 0, to: 5 }] }]);
  });

  test('a body that no rule wrote is put aside as it came', async () => {
    for (const body of ['no JSON', '{"payload":"%%%","client":"node-a"}', '{"payload":"aGk="}', '[]']) {
      const { run, store, published, audit } = setUp();
      expect(await run(inQueue(body), sent(envelopeOf(0, 1), { id: 'good' }))).toEqual([]);
      expect(store.poison()).toMatchObject([{ client: '?', reason: 'undecodable', atMs: NOW_MS }]);
      expect(Buffer.from(store.poison()[0]!.payload).toString()).toBe(body);
      expect(published).toHaveLength(1);
      expect(audit.events).toMatchObject([{ outcome: 'refused', reason: 'undecodable' }]);
    }
  });

  test('what cannot be put aside comes again', async () => {
    const rig = setUp();
    const handle = createQueueBatch({ ...rig.ports, store: { ...rig.store, putAside: broken } }, 'demo');
    const { batchItemFailures } = await handle({ Records: [inQueue('no JSON')] }, AMPLE_MS);
    expect(batchItemFailures).toEqual([{ itemIdentifier: 'm-1' }]);
  });

  test('a foreign client is refused and nothing of it stored', async () => {
    const { run, store, published, audit } = setUp();
    expect(await run(sent(envelopeOf(0, 5), { client: 'node-x' }))).toEqual([]);
    expect(store.rows()).toEqual([]);
    expect(published).toMatchObject([
      { topic: 'headwater/node-x/answer', items: [{ type: 'refused', reason: 'not-allowed' }] },
    ]);
    expect(audit.events).toMatchObject([{ actor: 'node-x', target: 'node-a', reason: 'not-allowed' }]);
  });

  test('with no time left everything comes again, untouched', async () => {
    const { handle, store, notes } = setUp();
    const records = [sent(envelopeOf(0, 1), { id: 'a' }), sent(envelopeOf(1, 2), { id: 'b', receives: 7 })];
    const { batchItemFailures } = await handle({ Records: records }, () => 4_000);
    expect(batchItemFailures).toEqual([{ itemIdentifier: 'a' }, { itemIdentifier: 'b' }]);
    expect(store.rows()).toEqual([]);
    expect(notes()).toEqual([]);
  });
});

describe('critical records', () => {
  test('a resend is not told again; a message that comes again is', async () => {
    const { run, notices } = setUp();
    await run(sent(critical(0, 2)));
    await run(sent(critical(0, 2), { id: 'resend' }));
    expect(notices).toHaveLength(1);
    await run(sent(critical(0, 2), { receives: 2 }));
    expect(notices).toHaveLength(2);
    expect(notices[1]).toEqual(notices[0]); // by the ids in it a receiver sees the repeat
  });

  test('a notice that fails brings its messages back; they are acknowledged all the same', async () => {
    const rig = setUp();
    const handle = createQueueBatch({ ...rig.ports, notify: broken }, 'demo');
    const records = [sent(critical(0, 2), { id: 'a' }), sent(envelopeOf(0, 2, { node: 'node-b' }), { id: 'b' })];
    expect((await handle({ Records: records }, AMPLE_MS)).batchItemFailures).toEqual([{ itemIdentifier: 'a' }]);
    expect(rig.published).toHaveLength(2);
    await rig.run(sent(critical(0, 2), { id: 'a', receives: 2 }));
    expect(rig.notices).toHaveLength(1);
  });

  test('other lanes, refused envelopes and other queues tell nothing', async () => {
    const { run, notices, ports } = setUp();
    await run(sent(envelopeOf(0, 2)), sent(critical(0, 2), { id: 'foreign', client: 'node-x' }));
    expect(notices).toEqual([]);
    const { notify: _, ...bulk } = ports;
    const { batchItemFailures } = await createQueueBatch(bulk, 'demo')({ Records: [sent(critical(0, 2))] }, AMPLE_MS);
    expect(batchItemFailures).toEqual([]);
  });
});

describe('messages that keep coming', () => {
  test('from the fifth receive each is handled alone, the one received least first', async () => {
    const rig = setUp();
    const commits: string[] = [];
    const store: typeof rig.store = {
      ...rig.store,
      commit: (change) => {
        const noted = rig.notes().map(({ pk, begun }) => `${pk}=${begun}`);
        commits.push(`${change.envelopes.map(({ header }) => header.from)} noted ${noted}`);
        return rig.store.commit(change);
      },
    };
    const handle = createQueueBatch({ ...rig.ports, store }, 'demo');
    const records = [
      sent(envelopeOf(30, 40), { id: 'd', receives: 19 }),
      sent(envelopeOf(20, 30), { id: 'c', receives: 5 }),
      sent(envelopeOf(0, 10), { id: 'a', receives: 4 }),
      sent(envelopeOf(10, 20), { id: 'b' }),
    ];
    expect((await handle({ Records: records }, AMPLE_MS)).batchItemFailures).toEqual([]);
    expect(commits).toEqual(['0,10 noted ', '20 noted attempt#c=1', '30 noted attempt#d=1']);
    expect(rig.notes()).toEqual([]);
  });

  test('what ends the process three times is put aside at the twentieth receive and refused by name', async () => {
    const rig = setUp();
    const dying = createQueueBatch(
      { ...rig.ports, store: { ...rig.store, readLanes: () => new Promise(() => undefined) } }, // never comes back
      'demo',
    );
    for (const receives of [17, 18, 19]) {
      void dying({ Records: [sent(envelopeOf(0, 5), { receives })] }, AMPLE_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.notes()).toMatchObject([{ begun: 3, expires: NOW_MS / 1_000 + 15 * 86_400 }]);
    expect(await rig.run(sent(envelopeOf(0, 5), { receives: 20 }))).toEqual([]);
    expect(rig.store.rows()).toEqual([]);
    expect(rig.store.poison()).toMatchObject([{ client: 'node-a', reason: 'kills-handler' }]);
    expect(rig.published).toMatchObject([
      { topic: 'headwater/node-a/answer', items: [{ type: 'refused', from: 0, to: 5, reason: 'kills-handler' }] },
    ]);
    expect(rig.audit.events).toMatchObject([{ actor: 'node-a', reason: 'kills-handler' }]);
    expect(rig.notes()).toEqual([]);
  });

  test('an outage of the store makes no poison, however long', async () => {
    const rig = setUp();
    const out = createQueueBatch({ ...rig.ports, store: { ...rig.store, readLanes: broken } }, 'demo');
    for (let receives = 1; receives <= 40; receives++) {
      const { batchItemFailures } = await out({ Records: [sent(envelopeOf(0, 5), { receives })] }, AMPLE_MS);
      expect(batchItemFailures).toHaveLength(1);
    }
    expect(await rig.run(sent(envelopeOf(0, 5), { receives: 41 }))).toEqual([]);
    expect(rig.store.rows()).toHaveLength(5);
    expect(rig.store.poison()).toEqual([]);
  });

  test('nor does a store that hangs until the time is up', async () => {
    const clock = timers();
    const rig = setUp({ after: clock.after });
    const hanging = createQueueBatch(
      { ...rig.ports, store: { ...rig.store, readLanes: () => new Promise(() => undefined) } },
      'demo',
    );
    for (let receives = 16; receives <= 24; receives++) {
      const response = hanging({ Records: [sent(envelopeOf(0, 5), { receives })] }, AMPLE_MS);
      while (clock.set.length === 0) await new Promise((resolve) => setImmediate(resolve));
      clock.set[0]!();
      expect((await response).batchItemFailures).toHaveLength(1);
    }
    expect(rig.store.poison()).toEqual([]);
  });

  test('nor does a table that notes attempts but cannot erase them twice', async () => {
    const rig = setUp();
    await rig.table.write({ key: { pk: 'attempt#m-1', sk: 'attempt' }, add: { begun: 2 } });
    expect(await rig.run(sent(envelopeOf(0, 5), { receives: 20 }))).toEqual([]);
    expect(rig.store.rows()).toHaveLength(5);
  });

  test('a table that hangs holds up nothing but the note', async () => {
    const clock = timers();
    const rig = setUp({ after: clock.after });
    const write: typeof rig.table.write = (one) => (one.delete ? new Promise(() => undefined) : rig.table.write(one));
    const handle = createQueueBatch({ ...rig.ports, table: { ...rig.table, write } }, 'demo');
    const response = handle({ Records: [sent(envelopeOf(0, 5), { receives: 5 })] }, AMPLE_MS);
    while (rig.published.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    clock.set[0]!();
    expect((await response).batchItemFailures).toEqual([]);
    expect(rig.logger.lines).toContainEqual(expect.objectContaining({ message: 'note of an attempt not erased' }));
  });

  test('while attempts cannot be noted nothing is handled alone', async () => {
    const rig = setUp();
    const table = { ...rig.table, get: broken, write: broken };
    const handle = createQueueBatch({ ...rig.ports, table }, 'demo');
    for (const receives of [5, 20]) {
      const { batchItemFailures } = await handle({ Records: [sent(envelopeOf(0, 5), { receives })] }, AMPLE_MS);
      expect(batchItemFailures).toHaveLength(1);
    }
    expect(rig.store.rows()).toEqual([]);
    expect(rig.store.poison()).toEqual([]);
  });

  test('a verdict that cannot be kept or told is repeated', async () => {
    const rig = setUp();
    await rig.table.write({ key: { pk: 'attempt#m-1', sk: 'attempt' }, add: { begun: 3 } });
    const record = sent(envelopeOf(0, 5), { receives: 20 });
    for (const over of [{ store: { ...rig.store, putAside: broken } }, { publish: broken }]) {
      const handle = createQueueBatch({ ...rig.ports, ...over }, 'demo');
      expect((await handle({ Records: [record] }, AMPLE_MS)).batchItemFailures).toHaveLength(1);
    }
    expect(await rig.run(record)).toEqual([]);
    expect(rig.published).toMatchObject([{ items: [{ reason: 'kills-handler' }] }]);
  });
});
