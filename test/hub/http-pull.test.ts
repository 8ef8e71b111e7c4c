import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { AuditEvent } from '../../core/ports.ts';
import type { PullWish } from '../../core/pull-messages.ts';
import { createHttp, type HttpServer } from '../../hub/http.ts';
import type { PullStart, PullView } from '../../hub/pulls.ts';
import { ask as askAt } from '../helpers/ask-http.ts';
import { hubStatus } from '../helpers/hub-status.ts';
import { silentLogger } from '../helpers/silent-logger.ts';

let http: HttpServer;
let port: number;
let audited: AuditEvent[];
let wishes: PullWish[];
let started: PullStart;
const view: PullView = { node: 'node-1', connected: true, state: { is: 'running' } };

beforeEach(async () => {
  audited = [];
  wishes = [];
  started = { ok: true, id: 'known' };
  http = await createHttp(
    {
      status: async () => hubStatus(),
      ledger: async () => ({ farSide: 'far-1' }),
      query: async () => ({ ok: false, reason: 'busy', detail: '' }),
      pulls: {
        start(wish) {
          wishes.push(wish);
          return started;
        },
        look: (id) => (id === 'known' ? view : undefined),
      },
      logger: silentLogger,
      audit: { record: (event) => audited.push(event) },
    },
    { port: 0 },
  );
  port = Number(new URL(http.url).port);
});
afterEach(() => http.close());

const ask = (path: string, options?: Parameters<typeof askAt>[2]) => askAt(port, path, options);
const WISH = { node: 'node-1', stream: 's', fromMs: 1_000, toMs: 2_000 };
const post = (body: unknown, type = 'application/json') =>
  ask('/pull', {
    method: 'POST',
    headers: { host: `127.0.0.1:${port}`, 'content-type': type },
    body: JSON.stringify(body),
  });
const get = (path: string) => ask(path, { headers: { host: `127.0.0.1:${port}` } });

test('a pull is begun, audited, and can be looked at', async () => {
  const answer = await post(WISH);
  expect([answer.status, JSON.parse(answer.body)]).toEqual([202, { id: 'known' }]);
  expect(wishes).toEqual([WISH]);
  expect(audited).toEqual([
    {
      actor: 'http',
      action: 'pull',
      target: 'node-1 s, 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:02.000Z',
      outcome: 'allowed',
    },
  ]);
  expect(JSON.parse((await get('/pull/known')).body)).toEqual(view);
  expect((await get('/pull/other')).status).toBe(404);
});

test.each([
  ['unknown-node', 404],
  ['not-connected', 409],
  ['too-many-pulls', 503],
] as const)('%s has its own status, and is audited', async (reason, status) => {
  started = { ok: false, reason, detail: 'because' };
  const answer = await post(WISH);
  expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { error: reason, detail: 'because' }]);
  expect(audited).toMatchObject([{ outcome: 'refused', reason }]);
});

test.each([
  ['no object', 7, 'body: Invalid input'],
  ['times the wrong way round', { ...WISH, toMs: 1_000 }, 'toMs: must be above fromMs'],
  ['an unknown key', { ...WISH, x: 1 }, 'Unrecognized key: "x"'],
])('%s is refused with words', async (_what, body, detail) => {
  const answer = await post(body);
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    400,
    { error: 'invalid-body', detail: expect.stringContaining(detail) },
  ]);
  expect(wishes).toEqual([]);
});

test('only a script of our own origin can ask for a pull', async () => {
  expect((await post(WISH, 'text/plain')).status).toBe(415);
  const foreign = await ask('/pull', {
    method: 'POST',
    headers: { host: `127.0.0.1:${port}`, origin: 'http://evil.example', 'content-type': 'application/json' },
    body: JSON.stringify(WISH),
  });
  expect([foreign.status, wishes]).toEqual([403, []]);
});
