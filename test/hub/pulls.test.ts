import { beforeEach, describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import {
  decodePullRequest,
  encodePullReport,
  type PullReport,
  type PullRequestMessage,
} from '../../core/pull-messages.ts';
import { createPulls, type Pulls } from '../../hub/pulls.ts';

const WISH = { node: 'node-1', stream: 's', device: 'd', fromMs: 1_000, toMs: 2_000 };
const DONE = { is: 'done', pulled: 3, pulledBefore: 0, unreadable: 0, agedOut: 0, stillLocal: 0 } as const;

let clock: ReturnType<typeof createManualClock>;
let connected: Set<string>;
let listens: boolean;
let sent: { node: string; request: PullRequestMessage }[];
let pulls: Pulls;
beforeEach(() => {
  clock = createManualClock();
  connected = new Set(['node-1', 'node-2']);
  listens = true;
  sent = [];
  let ids = 0;
  pulls = createPulls(
    {
      clock,
      publish(node, payload) {
        const decoded = decodePullRequest(payload);
        if (!decoded.ok) throw new Error(decoded.detail);
        if (listens) sent.push({ node, request: decoded.value });
        return listens;
      },
      isConnected: (node) => connected.has(node),
      newId: () => `pull-${String(ids++).padStart(4, '0')}`,
    },
    new Set(['node-1', 'node-2', 'node-3']),
  );
});

const begin = (node = 'node-1'): string => {
  const started = pulls.start({ ...WISH, node });
  if (!started.ok) throw new Error(started.detail);
  return started.id;
};
const report = (client: string, id: string, state: PullReport['state']): boolean =>
  pulls.report({ client, payload: encodePullReport({ type: 'pull-report', id, state }) });

describe('a pull through the hub', () => {
  test('goes to its node, and is told of as the node reports', () => {
    const id = begin();
    expect(sent).toEqual([
      { node: 'node-1', request: { type: 'pull', id, stream: 's', device: 'd', fromMs: 1_000, toMs: 2_000 } },
    ]);
    expect(pulls.look(id)).toEqual({ node: 'node-1', connected: true, state: { is: 'sent' } });
    expect(report('node-1', id, { is: 'running' })).toBe(true);
    expect(pulls.look(id)?.state).toEqual({ is: 'running' });
    report('node-1', id, DONE);
    report('node-1', id, { is: 'running' }); // was overtaken on its way
    expect(pulls.look(id)?.state).toEqual(DONE);
  });

  test('is asked again under the same id while somebody looks and nothing ended it, more and more seldom', () => {
    const id = begin();
    for (let second = 0; second < 600; second++) {
      clock.advance(1_000);
      pulls.look(id);
    }
    expect(sent.length).toBeGreaterThan(8);
    expect(sent.length).toBeLessThan(18);
    expect(new Set(sent.map(({ request }) => request.id))).toEqual(new Set([id]));
    report('node-1', id, DONE);
    const asked = sent.length;
    clock.advance(600_000);
    pulls.look(id);
    expect(sent).toHaveLength(asked);
  });

  test('nobody looks: nothing is sent', () => {
    begin();
    clock.advance(3_600_000);
    expect(sent).toHaveLength(1);
  });

  test('a node that is away is not asked again until it is back', () => {
    const id = begin();
    connected.delete('node-1');
    clock.advance(60_000);
    expect(pulls.look(id)).toMatchObject({ connected: false });
    expect(sent).toHaveLength(1);
    connected.add('node-1');
    pulls.look(id);
    expect(sent).toHaveLength(2);
  });

  test('is refused for a node that is away, does not listen, or is none', () => {
    expect(pulls.start({ ...WISH, node: 'node-3' })).toEqual({
      ok: false,
      reason: 'not-connected',
      detail: expect.stringContaining('try again when it is, or run headwater pull on the machine of the node'),
    });
    expect(pulls.start({ ...WISH, node: 'nobody' })).toMatchObject({ ok: false, reason: 'unknown-node' });
    listens = false;
    expect(pulls.start(WISH)).toMatchObject({ ok: false, reason: 'not-connected' });
  });

  test('another node cannot report it, and what is no report is not taken', () => {
    const id = begin();
    expect(report('node-2', id, DONE)).toBe(true);
    expect(pulls.look(id)?.state).toEqual({ is: 'sent' });
    expect(pulls.report({ client: 'node-1', payload: Buffer.from('{"type":"praise"}') })).toBe(false);
  });

  test('ended ones are forgotten for new ones; too many at once are refused', () => {
    const first = begin();
    report('node-1', first, DONE);
    for (let more = 1; more < 200; more++) begin();
    expect(pulls.look(first)).toBeDefined();
    begin();
    expect(pulls.look(first)).toBeUndefined();
    expect(pulls.start(WISH)).toMatchObject({ ok: false, reason: 'too-many-pulls' });
  });
});
