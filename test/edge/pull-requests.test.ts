import { describe, expect, test } from '@jest/globals';
import { createMemoryAudit } from '../../adapters/memory/logger.ts';
import {
  decodePullReport,
  encodePullRequest,
  type PullReport,
  type PullRequestMessage,
} from '../../core/pull-messages.ts';
import { createPullRequests } from '../../edge/pull-requests.ts';
import type { PullRequest, PullResult } from '../../greengrass-components/sense/pull.ts';
import { nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

const REQUEST: PullRequestMessage = { type: 'pull', id: '01234567', stream: 'raw', fromMs: 1_000, toMs: 3_000 };
const DONE = { pulled: 2, pulledBefore: 0, unreadable: 0, agedOut: 0, stillLocal: 1 };

const stateIn = (report: Uint8Array): PullReport['state'] => {
  const decoded = decodePullReport(report);
  if (!decoded.ok) throw new Error(decoded.detail);
  return decoded.value.state;
};

function desk(pull: () => Promise<PullResult>) {
  const asked: PullRequest[] = [];
  const said: PullReport['state'][] = [];
  const audit = createMemoryAudit();
  const take = createPullRequests({
    node: 'node-1',
    pull: (request) => {
      asked.push(request);
      return pull();
    },
    say: (report) => said.push(stateIn(report)),
    audit,
  });
  return { take, asked, said, audit };
}

describe('a pull that the far side asks for', () => {
  test('is run once, however often it comes, and reported each time', async () => {
    let end: (result: PullResult) => void = () => undefined;
    const { take, asked, said, audit } = desk(() => new Promise((resolve) => (end = resolve)));
    take(REQUEST);
    take(REQUEST);
    expect(said).toEqual([{ is: 'running' }, { is: 'running' }]);
    end({ ok: true, ...DONE });
    await turns(5);
    take(REQUEST);
    expect(said.slice(2)).toEqual([
      { is: 'done', ...DONE },
      { is: 'done', ...DONE },
    ]);
    expect(asked).toEqual([{ stream: 'raw', device: undefined, fromTs: 1_000, toTs: 3_000 }]);
    expect(audit.events).toEqual([
      {
        actor: 'far-side',
        action: 'pull',
        target: 'node-1 raw, 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:03.000Z',
        outcome: 'allowed',
      },
    ]);
  });

  test.each<[string, () => Promise<PullResult>, Partial<PullRequestMessage>, object]>([
    [
      'refused by the node',
      async () => ({ ok: false, reason: 'journal-full', detail: 'x'.repeat(5_000), pulled: 7 }),
      {},
      { reason: 'journal-full', detail: 'x'.repeat(1_000), pulled: 7 },
    ],
    ['failing', () => Promise.reject(new Error('gone')), {}, { reason: 'failed', detail: 'gone', pulled: 0 }],
    [
      'with times the wrong way round',
      async () => ({ ok: true, ...DONE }),
      { toMs: 1_000 },
      { reason: 'failed', detail: 'fromMs 1000 is not before toMs 1000', pulled: 0 },
    ],
  ])('%s says why', async (_what, pull, other, state) => {
    const { take, said, audit } = desk(pull);
    take({ ...REQUEST, ...other });
    await turns(5);
    expect(said).toEqual([{ is: 'running' }, { is: 'refused', ...state }]);
    expect(audit.events).toMatchObject([{ outcome: 'refused' }]);
  });

  test('is forgotten once a hundred others came', async () => {
    const { take, asked } = desk(async () => ({ ok: true, ...DONE }));
    for (let at = 0; at <= 100; at++) {
      take({ ...REQUEST, id: `pull-${String(at).padStart(4, '0')}` });
      await turns(3);
    }
    take({ ...REQUEST, id: 'pull-0100' });
    expect(asked).toHaveLength(101);
    take({ ...REQUEST, id: 'pull-0000' });
    expect(asked).toHaveLength(102);
  });
});

test('a node serves one that comes over its uplink: a second message takes nothing more', async () => {
  const reports: PullReport['state'][] = [];
  let deliver: (payload: Uint8Array) => void = () => undefined;
  const bench = await startTestNode(nodePlan([streamPlan('raw', { syncMs: 'on-demand', lane: 1 })]), {
    openUplink: () => ({
      send: async (_traffic, payload) => {
        if (decodePullReport(payload).ok) reports.push(stateIn(payload));
      },
      onAnswer: (listen) => {
        deliver = listen;
      },
      onLink: (listen) => listen(true),
      using: () => 'hub',
      wanted: () => undefined,
      close: async () => undefined,
    }),
  });
  const start = Date.UTC(2026, 0, 1);
  await bench.offer({
    readings: [1, 2, 3].map((at) => ({ device: 'm-1', stream: 'raw', value: at, ts: start + at * 1_000 })),
  });
  const request = encodePullRequest({ ...REQUEST, fromMs: start, toMs: start + 3_000 });
  deliver(request);
  deliver(request);
  await turns(60);
  expect(reports).toEqual([{ is: 'running' }, { is: 'running' }, { is: 'done', ...DONE }]);
  expect((await bench.node.status()).ledger.lanes[1]).toMatchObject({ enqueued: 2, waiting: 2 });
});
