import { describe, expect, test } from '@jest/globals';
import { createMemoryAudit } from '../../adapters/memory/logger.ts';
import { prometheusText } from '../../adapters/metrics/prometheus-text.ts';
import { createControl } from '../../edge/control.ts';
import type { ControlAnswer, ControlQuestion } from '../../edge/control-requests.ts';
import { nodeWithDeadLetters } from '../helpers/dead-letters.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

type Bench = Pick<Awaited<ReturnType<typeof startTestNode>>, 'node' | 'clock' | 'disk' | 'logger' | 'send'>;

function controlOf(bench: Bench) {
  const audit = createMemoryAudit();
  const answer = createControl({ node: bench.node, audit, metricsText: prometheusText });
  const ask = async (question: ControlQuestion): Promise<ControlAnswer> => answer(JSON.stringify(question));
  return { audit, answer, ask };
}

const value = <T>(answer: ControlAnswer): T => {
  if (!answer.ok) throw new Error(answer.detail);
  return answer.value as T;
};

interface Listed {
  id: string;
  from: number;
  to: number;
}
const listed = async ({ ask }: ReturnType<typeof controlOf>): Promise<Listed[]> =>
  value(await ask({ request: 'dead-letters-list' }));

describe('what cannot be answered is refused with words', () => {
  test.each([
    ['nothing', '', 'expected one JSON document a line'],
    ['no JSON', '{"request"', 'expected one JSON document a line'],
    ['no object', '7', 'request: Invalid input'],
    ['an unknown request', '{"request":"rm"}', 'Invalid discriminator value'],
    ['an unknown key', '{"request":"status","x":1}', 'Unrecognized key: "x"'],
    ['no ids', '{"request":"dead-letters-discard","ids":[]}', 'ids: Too small'],
    ['all of them to discard', '{"request":"dead-letters-discard","ids":"all"}', 'ids: Invalid input'],
    ['too many records', '{"request":"dead-letters-show","id":"1","records":1001}', 'records: Too big'],
    ['too many ids', JSON.stringify({ request: 'dead-letters-replay', ids: Array(1_001).fill('1') }), 'Invalid input'],
    ['no time', '{"request":"pull","stream":"s","fromMs":"x","toMs":1e300}', 'fromMs: Invalid input'],
    ['times the wrong way round', '{"request":"pull","stream":"s","fromMs":2,"toMs":2}', '2 is not before toMs 2'],
  ])('%s', async (_what, line, detail) => {
    const { answer } = controlOf(await startTestNode(nodePlan([streamPlan('level')])));
    expect(await answer(line)).toEqual({
      ok: false,
      error: 'invalid-request',
      detail: expect.stringContaining(detail),
    });
  });
});

test('status and metrics tell the same', async () => {
  const bench = await startTestNode(nodePlan([streamPlan('level')]));
  await bench.send('level', 1, 2, 'x');
  const { ask, audit } = controlOf(bench);
  expect(value(await ask({ request: 'status' }))).toMatchObject({
    node: 'node-1',
    ledger: { sources: { bench: { collected: 3, refused: { 'not-a-number': 1 } } } },
  });
  const lines = value<string>(await ask({ request: 'metrics' })).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'headwater_readings_collected_total{node="node-1",source="bench"} 3',
      'headwater_readings_refused_total{node="node-1",source="bench",reason="not-a-number"} 1',
      'headwater_readings{node="node-1",stream="level",priority="normal",fate="kept"} 2',
      'headwater_records_enqueued_total{node="node-1",priority="normal"} 2',
      'headwater_records_waiting{node="node-1",priority="normal"} 2',
      'headwater_records_final{node="node-1",priority="normal",fate="expired"} 0',
      'headwater_node_journal_trouble{node="node-1"} 0',
    ]),
  );
  expect(audit.events).toEqual([]);
});

describe('dead letters', () => {
  test('are listed and shown, a page at a time, with the names of device and stream', async () => {
    const bench = await nodeWithDeadLetters();
    const control = controlOf(bench);
    const { ask, audit } = control;
    const letters = await listed(control);
    expect(letters).toMatchObject([
      { id: '1', lane: 3, from: 0, to: 2, reason: 'not-allowed', attempts: 2 },
      { id: '2', lane: 3, from: 2, to: 4, reason: 'not-allowed', attempts: 2 },
      { id: '3', from: 4, to: 6 },
      { id: '4', from: 6, to: 8 },
    ]);
    const { id } = letters[1]!;
    const shown = value<{ records: unknown[] }>(await ask({ request: 'dead-letters-show', id, skip: 1, records: 1 }));
    expect(shown).toMatchObject({ letters: [letters[1]], count: 2 });
    expect(shown.records).toEqual([
      {
        position: 3,
        device: 'm-1',
        stream: 'level',
        ts: expect.any(Number),
        value: 13,
        quality: 'good',
        clock: 'synced',
      },
    ]);
    expect(audit.events).toEqual([]);
  });

  test('are replayed and then delivered; a reviewer hears of it', async () => {
    const bench = await nodeWithDeadLetters();
    const { ask, audit } = controlOf(bench);
    bench.far.lets = true;
    expect(value(await ask({ request: 'dead-letters-replay', ids: 'all' }))).toEqual({ records: 8 });
    bench.clock.advance(MINUTE);
    await turns();
    expect(bench.far.store.rows().map(({ value: number }) => number)).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
    expect(value(await ask({ request: 'dead-letters-list' }))).toEqual([]);
    expect(audit.events).toEqual([
      { actor: 'control-socket', action: 'dead-letters-replay', target: 'node-1 all', outcome: 'allowed' },
    ]);
  });

  test('are discarded by their ids only; with a wrong one among them nothing is', async () => {
    const bench = await nodeWithDeadLetters();
    const control = controlOf(bench);
    const { ask, audit } = control;
    const { id } = (await listed(control))[0]!;
    expect(await ask({ request: 'dead-letters-discard', ids: [id, '99'] })).toMatchObject({
      ok: false,
      error: 'no-such-letter',
      detail: 'no dead letter 99: see headwater dead-letters list',
    });
    expect(await listed(control)).toHaveLength(4);
    expect(value(await ask({ request: 'dead-letters-discard', ids: [id] }))).toEqual({ records: 2 });
    expect(await listed(control)).toHaveLength(3);
    expect(await ask({ request: 'dead-letters-show', id, records: 1 })).toMatchObject({ error: 'no-such-letter' });
    expect(audit.events.map(({ outcome, reason }) => ({ outcome, reason }))).toEqual([
      { outcome: 'refused', reason: 'no-such-letter' },
      { outcome: 'allowed', reason: undefined },
    ]);
    expect((await bench.node.status()).ledger.lanes[3]).toMatchObject({
      enqueued: 8,
      waiting: 0,
      deadLettered: { 'not-allowed': 8 },
    });
  });

  test('one whose file is damaged says so', async () => {
    const bench = await nodeWithDeadLetters();
    const { ask } = controlOf(bench);
    const name = (await bench.disk.list()).find((file) => file.startsWith('letters-'))!;
    const size = await bench.disk.size(name);
    const file = await bench.disk.open(name);
    await file.write(size - 1, Uint8Array.of(1 ^ (await bench.disk.read(name, size - 1, 1))[0]!));
    expect(await ask({ request: 'dead-letters-show', id: '1', records: 1 })).toMatchObject({
      ok: false,
      error: 'damaged-letter',
      detail: expect.stringContaining('discard it'),
    });
  });
});

test('keys are rotated, and whoever reviews hears of it', async () => {
  const bench = await startTestNode(nodePlan([streamPlan('level')]));
  const { ask, audit } = controlOf(bench);
  expect(await ask({ request: 'rotate-keys' })).toEqual({ ok: true, value: {} });
  expect(audit.events).toEqual([
    { actor: 'control-socket', action: 'rotate-keys', target: 'node-1', outcome: 'allowed' },
  ]);
  const told = bench.logger.lines.find(({ message }) => message === 'journal: written with a new key from now on');
  expect(told?.fields).toEqual({ keyId: expect.any(Number) }); // under the name "key" the log would blacken it
});

test('what fails is an answer, and is audited as refused', async () => {
  const bench = await startTestNode(nodePlan([streamPlan('level')]));
  const { ask, audit } = controlOf(bench);
  const stopping = bench.node.stop(0);
  await turns(20);
  await stopping;
  expect(await ask({ request: 'rotate-keys' })).toEqual({ ok: false, error: 'failed', detail: 'journal is not open' });
  expect(audit.events).toMatchObject([{ outcome: 'refused', reason: 'failed' }]);
});
