import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AuditEvent } from '../../core/ports.ts';
import { createHttp, type HttpServer } from '../../hub/http.ts';
import { refusalOf } from '../../hub/http-guard.ts';
import { ask as askAt } from '../helpers/ask-http.ts';
import { hubStatus } from '../helpers/hub-status.ts';
import { silentLogger } from '../helpers/silent-logger.ts';

let http: HttpServer;
let port: number;
let audited: AuditEvent[];
let asked: string[];
const noPulls = {
  start: (): never => {
    throw new Error('not asked for here');
  },
  look: () => undefined,
};

beforeEach(async () => {
  audited = [];
  asked = [];
  http = await createHttp(
    {
      status: async () => hubStatus(),
      ledger: async () => ({ farSide: 'far-1' }),
      query: async (sql) => {
        asked.push(sql);
        if (sql === 'boom') throw new Error('/secret/path is broken');
        return sql === 'slow'
          ? { ok: false, reason: 'too-slow', detail: 'interrupted' }
          : {
              ok: true,
              columns: [{ name: 'a', type: 'BIGINT' }],
              rows: [[1, '9007199254740993', -0]],
              truncated: false,
              ms: 2,
            };
      },
      pulls: noPulls,
      logger: silentLogger,
      audit: { record: (event) => audited.push(event) },
    },
    { port: 0 },
  );
  port = Number(new URL(http.url).port);
});
afterEach(() => http.close());

const ask = (path: string, options?: Parameters<typeof askAt>[2]) => askAt(port, path, options);
const JSON_TYPE = { 'content-type': 'application/json' };
const post = (body: string, headers: Record<string, string> = JSON_TYPE) =>
  ask('/query', { method: 'POST', headers, body });

describe('routes', () => {
  test('health, status and ledger are JSON', async () => {
    expect(JSON.parse((await ask('/health')).body)).toEqual({ ok: true });
    expect(JSON.parse((await ask('/status')).body)).toEqual(hubStatus());
    expect(JSON.parse((await ask('/ledger')).body)).toEqual({ farSide: 'far-1' });
  });

  test('metrics are Prometheus text', async () => {
    const { headers, body } = await ask('/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toContain('headwater_stored_records{node="node-a",priority="critical"} 1\n');
  });

  test('a query is answered', async () => {
    const { status, headers, body } = await post('{"sql": "SELECT 1"}');
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(JSON.parse(body)).toEqual({
      columns: [{ name: 'a', type: 'BIGINT' }],
      rows: [[1, '9007199254740993', -0]],
      truncated: false,
      ms: 2,
    });
    expect(audited).toEqual([{ actor: 'http', action: 'query', target: 'SELECT 1', outcome: 'allowed' }]);
  });

  test('a refused query says why, and is on record', async () => {
    const { status, body } = await post('{"sql": "slow"}');
    expect([status, JSON.parse(body)]).toEqual([504, { error: 'too-slow', detail: 'interrupted' }]);
    expect(audited).toMatchObject([{ action: 'query', outcome: 'refused', reason: 'too-slow' }]);
  });

  test.each([
    ['/', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/page.js', 'text/javascript; charset=utf-8', "fetch('/status')"],
    ['/page.css', 'text/css; charset=utf-8', 'light-dark('],
  ])('the page: %s', async (path, type, part) => {
    const { status, headers, body } = await ask(path);
    expect([status, headers['content-type']]).toEqual([200, type]);
    expect(body).toContain(part);
  });

  test("the page has no script or style of its own policy's refusal", async () => {
    const { body } = await ask('/');
    expect(body).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/i);
    expect((await ask('/page.js')).body).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });
});

describe('refusals', () => {
  test.each([
    ['/nothing', 'GET', 404, 'not-found'],
    ['/query', 'GET', 404, 'not-found'],
    ['/page/../../package.json', 'GET', 404, 'not-found'],
  ])('%s %s', async (path, method, status, error) => {
    const answer = await ask(path, { method });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { error }]);
  });

  test.each([
    ['another name (DNS rebinding)', { host: 'evil.example' }, 'host-not-allowed'],
    ['another port', { host: '127.0.0.1:1' }, 'host-not-allowed'],
    ['another origin', { origin: 'http://evil.example' }, 'origin-not-allowed'],
    ['a page of another site, without Origin', { 'sec-fetch-site': 'cross-site' }, 'site-not-allowed'],
    ['a page of another port', { 'sec-fetch-site': 'same-site' }, 'site-not-allowed'],
    ['an opaque origin', { origin: 'null' }, 'origin-not-allowed'],
  ])('%s is refused on every route, and on record', async (_, headers, error) => {
    for (const path of ['/', '/status', '/metrics', '/nothing']) {
      const answer = await ask(path, { headers });
      expect([answer.status, JSON.parse(answer.body)]).toEqual([403, { error }]);
    }
    expect(audited).toHaveLength(1); // one a minute and reason
    expect(audited[0]).toEqual({
      actor: 'http',
      action: 'request',
      target: 'GET /',
      outcome: 'refused',
      reason: error,
    });
  });

  test('a form cannot post a query', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
      const answer = await post('{"sql": "SELECT 1"}', { 'content-type': type });
      expect([answer.status, JSON.parse(answer.body).error]).toEqual([415, 'unsupported-media-type']);
    }
    expect(asked).toEqual([]);
  });

  test.each(['', '{', '[]', 'null', '"SELECT 1"', '{"sql": 1}', '{"query": "SELECT 1"}'])('body %s', async (body) => {
    const answer = await post(body);
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([400, 'invalid-body']);
    expect(asked).toEqual([]);
  });

  test('a body beyond 64 KiB, with and without announced length', async () => {
    const body = JSON.stringify({ sql: 'x'.repeat(64 * 1024) });
    for (const headers of [JSON_TYPE, { ...JSON_TYPE, 'transfer-encoding': 'chunked' }]) {
      const answer = await post(body, headers);
      expect([answer.status, JSON.parse(answer.body).error]).toEqual([413, 'too-large']);
    }
    expect(asked).toEqual([]);
  });

  test('an error inside tells nothing outside', async () => {
    const answer = await post('{"sql": "boom"}');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([500, { error: 'internal' }]);
  });

  test('a port that is taken is an error', async () => {
    const ports = {
      status: async () => hubStatus(),
      ledger: async () => null,
      query: async () => ({ ok: false, reason: 'busy', detail: '' }) as const,
      pulls: noPulls,
      logger: silentLogger,
      audit: { record: () => undefined },
    };
    await expect(createHttp(ports, { port })).rejects.toThrow('EADDRINUSE');
  });
});

test('security headers stand on every answer', async () => {
  for (const answer of [await ask('/'), await ask('/nothing'), await ask('/status', { headers: { host: 'evil' } })]) {
    expect(answer.headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self'; style-src 'self'"),
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(String(answer.headers['content-security-policy'])).not.toContain('unsafe');
  }
});

test('the three names of this machine are allowed, with the port', () => {
  for (const host of ['127.0.0.1:80', 'localhost', 'LOCALHOST:80', '[::1]:80']) {
    expect(refusalOf(host, undefined, 80)).toBeUndefined();
  }
  expect(refusalOf('localhost:8080', 'http://localhost:8080', 8080)).toBeUndefined();
  expect(refusalOf('localhost:8080', 'http://127.0.0.1:8080', 8080)).toBe('origin-not-allowed');
  expect(refusalOf('localhost:8080', 'https://localhost:8080', 8080)).toBe('origin-not-allowed');
  expect(refusalOf('localhost', undefined, 8080)).toBe('host-not-allowed');
  expect(refusalOf(undefined, undefined, 8080)).toBe('host-not-allowed');
});

test('callers at the same time share one ledger', async () => {
  let computed = 0;
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const ledger = async () => {
    computed += 1;
    await gate;
    return { computed };
  };
  const server = await createHttp(
    {
      status: async () => hubStatus(),
      ledger,
      query: async () => ({ ok: false, reason: 'busy', detail: '' }),
      pulls: noPulls,
      logger: silentLogger,
      audit: { record: () => undefined },
    },
    { port: 0 },
  );
  const read = async () => (await fetch(`${server.url}/ledger`)).json();
  const both = Promise.all([read(), read()]);
  // A third request is answered after the first two came in.
  await (await fetch(`${server.url}/health`)).text();
  release();
  expect(await both).toEqual([{ computed: 1 }, { computed: 1 }]);
  expect(await read()).toEqual({ computed: 2 });
  await server.close();
});
