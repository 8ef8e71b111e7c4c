import { expect, test } from '@jest/globals';
import type { SourceBatch } from '../../../core/ports.ts';
import { LINGER_MS } from '../../../greengrass-components/sense/sense.ts';
import { nodePlan, startTestNode, streamPlan, turns } from '../../helpers/edge-node.ts';

const PLAN = nodePlan([streamPlan('level', { filter: { type: 'change' } }), streamPlan('raw')]);

async function start() {
  const rig = await startTestNode(PLAN, { canWait: true });
  const fates: string[] = [];
  const offer = (stream: string, value: unknown, rest: Partial<SourceBatch> = {}): void => {
    const name = `${stream} ${value}`;
    const batch = { readings: [{ device: 'm-1', stream, value }], mayLinger: true, ...rest };
    void rig.offer(batch).then((fate) => void fates.push(`${name} ${fate}`));
  };
  offer('level', 1);
  await turns();
  expect(fates.splice(0)).toEqual(['level 1 committed']); // kept: no reason to wait
  const commits = async (): Promise<number> => (await rig.node.status()).journal.commits;
  const before = await commits();
  return { rig, fates, offer, commits: async () => (await commits()) - before };
}

test('a commit with nothing kept waits, others come along, and all share one flush', async () => {
  const { rig, fates, offer, commits } = await start();
  for (let at = 0; at < 5; at++) {
    offer('level', 1);
    rig.clock.advance(30);
    await turns();
  }
  offer('nothing', 1);
  expect(fates).toEqual([]);
  rig.clock.advance(LINGER_MS - 5 * 30 - 1);
  await turns();
  expect([fates, await commits()]).toEqual([[], 0]);
  rig.clock.advance(1);
  await turns();
  expect(fates).toEqual([...Array(5).fill('level 1 committed'), 'nothing 1 committed']);
  expect(await commits()).toBe(1);
  const { ledger } = await rig.node.status();
  expect(ledger.sources.bench).toEqual({ collected: 7, refused: { 'unknown-stream': 1 } });
  expect(ledger.streams[0]).toMatchObject({ stream: 'level', kept: 1, filtered: 5 });
});

test('however many come along, it waits no longer', async () => {
  const { rig, fates, offer, commits } = await start();
  for (let ms = 0; ms < 10 * LINGER_MS; ms += 2) {
    offer('level', 1);
    await turns(2);
    rig.clock.advance(2);
    await turns(2);
    expect((ms + 2) / 2 - fates.length).toBeLessThanOrEqual(LINGER_MS / 2 + 1);
  }
  expect(await commits()).toBe(10);
});

test('what comes when the time is up, before the timer runs, gets its fate with the others', async () => {
  const { rig, fates, offer } = await start();
  rig.clock.after(LINGER_MS, () => offer('raw', 7));
  offer('level', 1);
  await turns();
  rig.clock.advance(LINGER_MS);
  await turns();
  expect(fates).toEqual(['level 1 committed', 'raw 7 committed']);
  const { ledger } = await rig.node.status();
  expect(ledger.sources.bench!.collected).toBe(3);
  expect(ledger.streams.find(({ stream }) => stream === 'raw')).toMatchObject({ kept: 1 });
});

test.each([
  ['something kept', 'raw', {}],
  ['a source that cannot wait so long', 'level', { mayLinger: false }],
])('%s ends the wait at once', async (_what, stream, rest) => {
  const { fates, offer, commits } = await start();
  offer('level', 1);
  await turns();
  expect(fates).toEqual([]);
  offer(stream, 1, rest);
  await turns();
  expect(fates).toEqual(['level 1 committed', `${stream} 1 committed`]);
  expect(await commits()).toBe(1);
});

test('settling waits for what lingers', async () => {
  const { rig, fates, offer } = await start();
  offer('level', 1);
  await turns();
  const stopped = rig.node.stop(0);
  await turns();
  rig.clock.advance(LINGER_MS);
  await turns();
  expect(fates).toEqual(['level 1 committed']);
  await stopped;
});

test('the state of a source is committed with its batch, and given back at the next start', async () => {
  const { rig, offer } = await start();
  offer('raw', 1, { state: { 'm-1/0': 'first', 'm-1/1': 'second' } });
  offer('raw', 2, { state: { 'm-1/0': 'third' } });
  await turns();
  await rig.crash();
  expect(rig.startedWith()).toEqual({ 'm-1/0': 'third', 'm-1/1': 'second' });
});
