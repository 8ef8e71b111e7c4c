import { describe, expect, test } from '@jest/globals';
import { createNodeIndexReader } from '../../../adapters/aws/node-index.ts';
import { createCloudStore } from '../../../adapters/aws/record-store.ts';
import { createMemoryItemTable } from '../../../adapters/memory/item-table.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMemoryObjectStore } from '../../../adapters/memory/object-store.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import type { Epoch } from '../../../core/identity.ts';
import { encodeQuestion } from '../../../core/messages.ts';
import type { NodeGroup } from '../../../core/node-groups.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import type { ComparePorts, MetricPoint } from '../../../lambdas/compare/env.ts';
import { createHandler } from '../../../lambdas/compare/handler.ts';
import { createIngest } from '../../../lambdas/ingest/handler.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import { EPOCH_A, EPOCH_B, envelopeOf } from '../../helpers/envelopes.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

/** The real index, filled by the real ingest, on tables in memory. */
function setUp(groups: readonly NodeGroup[] = [['node-a'], ['press', 3]]) {
  let nowMs = NOW_MS;
  const table = createMemoryItemTable('table-1');
  const logger = createMemoryLogger();
  const store = createCloudStore({
    objects: createMemoryObjectStore(() => NOW_MS),
    table,
    random: createSeededRandom(1n),
    logger,
    nowMs: () => nowMs,
    landed: async () => undefined,
  });
  const ingest = createIngest({
    store,
    codec: byteCodec,
    nowMs: () => NOW_MS,
    logger,
    audit: { record: () => undefined },
    mayCarry: () => true,
  });
  const deliver = async (from: number, to: number, lane: 0 | 2 = 2, node = 'node-a') => {
    const { failed } = await ingest([{ client: node, payload: encodeEnvelope(envelopeOf(from, to, { lane, node })) }]);
    expect(failed).toEqual([]);
  };
  const state = async (upTo: number, delivered: number, node = 'node-a') => {
    const lanes = [{ producer: 'edge', epoch: EPOCH_A, lane: 2 as const, upTo, delivered, givenUp: [] }];
    await ingest([{ client: node, payload: encodeQuestion({ type: 'counts', lanes }) }]);
  };
  /** A statement of so many minutes later, of these lanes alone: epoch, lane, counted. */
  const stateAfter = async (minutes: number, named: [Epoch, 0 | 2, number][], forgotten?: number) => {
    nowMs += minutes * 60_000;
    const lanes = named.map(([epoch, lane, upTo]) => ({
      producer: 'edge',
      epoch,
      lane,
      upTo,
      delivered: 0,
      givenUp: [],
    }));
    const question = { type: 'counts' as const, whole: true, lanes, ...(forgotten !== undefined && { forgotten }) };
    await ingest([{ client: 'node-a', payload: encodeQuestion(question) }]);
  };
  const metrics: MetricPoint[] = [];
  const ports: ComparePorts = {
    readIndex: createNodeIndexReader(table),
    putMetrics: async (points) => void metrics.push(...points),
    nowMs: () => NOW_MS,
    logger,
  };
  const errors = () => logger.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields);
  return { table, ports, deliver, state, stateAfter, metrics, errors, compare: createHandler(ports, groups) };
}
const total = (value: number) => ({ name: 'LedgerDifference', value, dimensions: {} });

test('what ingest stored and nodes stated balances, and the total says so', async () => {
  const { compare, deliver, state, metrics, errors } = setUp();
  await deliver(0, 5);
  await deliver(5, 9);
  await deliver(20, 22); // 9 to 19 are on their way
  await deliver(0, 3, 0);
  await deliver(0, 7, 2, 'press-002');
  await state(20, 9);
  expect(await compare()).toEqual({ nodes: 2, difference: 0, undecided: 0 });
  expect(metrics).toEqual([total(0)]);
  expect(errors()).toEqual([]);
});

test('a node that has never delivered is nothing', async () => {
  const { compare, metrics } = setUp();
  expect(await compare()).toEqual({ nodes: 0, difference: 0, undecided: 0 });
  expect(metrics).toEqual([total(0)]);
});

describe('a difference', () => {
  test('between counters and index is told by node and priority, in either direction', async () => {
    const { compare, deliver, metrics, errors, table } = setUp();
    await deliver(0, 5);
    await deliver(0, 4, 0, 'press-003');
    await table.write({ key: { pk: 'node-a', sk: 'counts' }, add: { stored_normal: 2 } });
    await table.write({ key: { pk: 'press-003', sk: 'counts' }, add: { stored_critical: -1 } });
    expect(await compare()).toEqual({ nodes: 2, difference: 3, undecided: 0 });
    expect(metrics).toEqual([
      { name: 'LedgerDifference', value: 2, dimensions: { Node: 'node-a', Priority: 'normal' } },
      { name: 'LedgerDifference', value: 1, dimensions: { Node: 'press-003', Priority: 'critical' } },
      total(3),
    ]);
    expect(errors()).toMatchObject([
      { node: 'node-a', priority: 'normal', records: 2, detail: '7 records counted, 5 positions in the index' },
      { node: 'press-003', priority: 'critical', records: 1 },
    ]);
  });

  test('is what a node was told is stored and is not', async () => {
    const { compare, deliver, state, metrics, errors } = setUp();
    await deliver(0, 5);
    await deliver(10, 20);
    await state(10, 8);
    expect(await compare()).toMatchObject({ difference: 3 });
    expect(metrics[0]).toMatchObject({ value: 3, dimensions: { Node: 'node-a', Priority: 'normal' } });
    expect(errors()).toMatchObject([
      { detail: `node-a/edge/${EPOCH_A}/2: 8 acknowledged below position 10, 5 in the index` },
    ]);
  });

  test('is also a lane of which there is only the statement, and a lost counter', async () => {
    const { compare, deliver, state, table } = setUp();
    await state(10, 8);
    await deliver(0, 5, 2, 'press-001');
    await table.write({ key: { pk: 'press-001', sk: 'counts' }, delete: true });
    expect(await compare()).toMatchObject({ nodes: 2, difference: 13 });
  });
});

describe('a lane that the node names no more', () => {
  test('whose records are not here was lost with its journal: told by the count', async () => {
    const { compare, deliver, stateAfter, metrics, errors } = setUp();
    await deliver(0, 4);
    await stateAfter(0, [[EPOCH_A, 2, 10]]);
    await stateAfter(30, [[EPOCH_B, 2, 3]]);
    expect(await compare()).toMatchObject({ difference: 6 });
    expect(metrics[0]).toMatchObject({ value: 6, dimensions: { Node: 'node-a', Priority: 'normal' } });
    expect(errors()).toMatchObject([
      {
        detail: `node-a/edge/${EPOCH_A}/2: 10 counted by the node, which names the lane no more, 4 stored or given up: it has lost its journal`,
      },
    ]);
  });

  test('is no difference if all of it is stored or given up', async () => {
    const { compare, deliver, stateAfter, table } = setUp();
    await deliver(0, 4);
    await stateAfter(0, [[EPOCH_A, 2, 10]]);
    const [lane] = (await table.query('node-a', { from: 'lane#', to: 'lane#~' })).filter(({ upTo }) => upTo === 10);
    await table.write({ key: { pk: 'node-a', sk: lane!.sk }, set: { givenUp: '[[4,10]]' } });
    await stateAfter(30, [[EPOCH_B, 2, 3]]);
    expect(await compare()).toMatchObject({ difference: 0 });
  });

  test('is no difference if the node has finished with it before another far side', async () => {
    const { compare, deliver, stateAfter } = setUp();
    await deliver(0, 4);
    await stateAfter(0, [[EPOCH_A, 2, 10]]);
    await stateAfter(30, [[EPOCH_B, 2, 3]], 10);
    expect(await compare()).toMatchObject({ difference: 0 });
  });

  test('is not gone while a message that names it may be late, nor while its epoch is named', async () => {
    const { compare, stateAfter } = setUp();
    await stateAfter(0, [[EPOCH_A, 2, 10]]);
    await stateAfter(10, [[EPOCH_B, 2, 3]]);
    expect(await compare()).toMatchObject({ difference: 0 });
    await stateAfter(30, [[EPOCH_A, 0, 1]]);
    await stateAfter(0, [[EPOCH_B, 0, 1]]);
    expect(await compare()).toMatchObject({ difference: 0 });
  });
});

describe('at a cut', () => {
  test('what was stored between counters and lanes is no difference', async () => {
    const { ports, deliver, metrics, errors } = setUp();
    await deliver(0, 5);
    let reads = 0;
    const readIndex: ComparePorts['readIndex'] = async (node) => {
      if (node !== 'node-a') return undefined;
      const before = (await ports.readIndex(node))!;
      if (++reads > 3) return before;
      await deliver(5 * reads, 5 * reads + 5); // the counters are older than the lanes
      return { ...(await ports.readIndex(node))!, counts: before.counts };
    };
    const compare = createHandler({ ...ports, readIndex }, [['node-a']]);
    expect(await compare()).toEqual({ nodes: 1, difference: 0, undecided: 0 });
    expect(reads).toBe(4);
    expect(metrics).toEqual([total(0)]);
    expect(errors()).toEqual([]);
  });

  test('a node that never rests is left for the next time', async () => {
    const { ports, deliver, metrics } = setUp();
    let reads = 0;
    const readIndex: ComparePorts['readIndex'] = async (node) => {
      const before = await ports.readIndex(node);
      await deliver(5 * reads, 5 * ++reads);
      return {
        ...(await ports.readIndex(node))!,
        counts: before?.counts ?? { critical: 0, high: 0, normal: 0, low: 0 },
      };
    };
    const compare = createHandler({ ...ports, readIndex }, [['node-a']]);
    expect(await compare()).toEqual({ nodes: 1, difference: 0, undecided: 1 });
    expect(reads).toBe(6);
    expect(metrics).toEqual([total(0)]);
  });
});

test('a node that cannot be read hides no other, and fails the run', async () => {
  const { ports, deliver, metrics, table } = setUp();
  await deliver(0, 5, 2, 'press-001');
  await table.write({ key: { pk: 'press-001', sk: 'counts' }, add: { stored_normal: 2 } });
  const readIndex: ComparePorts['readIndex'] = (node) =>
    node === 'node-a' ? Promise.reject(new Error('throttled')) : ports.readIndex(node);
  await expect(createHandler({ ...ports, readIndex }, [['node-a'], ['press', 3]])()).rejects.toThrow(
    '1 of 4 nodes could not be compared',
  );
  expect(metrics).toHaveLength(2);
});
