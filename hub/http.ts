import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { QueryResult } from '../adapters/embedded/query-engine.ts';
import type { QueryRefusal } from '../adapters/embedded/query-guard.ts';
import { exactJson } from '../core/exact-json.ts';
import type { NodeLedger } from '../core/ledger.ts';
import type { Audit, Logger } from '../core/ports.ts';
import { refusalOf, securityHeaders } from './http-guard.ts';
import { showPull, startPull } from './http-pull.ts';
import { jsonBody } from './json-body.ts';
import { metricsText } from './metrics.ts';
import { readPageFiles } from './page-files.ts';
import type { Pulls } from './pulls.ts';
import { createRefusedRequests } from './refused-requests.ts';
import type { HubStatus } from './status.ts';

export interface HttpPorts {
  status: () => Promise<HubStatus>;
  /** Any JSON. */
  ledger: () => Promise<unknown>;
  query: (sql: string) => Promise<QueryResult>;
  pulls: Pick<Pulls, 'start' | 'look'>;
  /** Of the nodes in this process. @default none */
  nodeLedgers?: () => Promise<NodeLedger[]>;
  logger: Logger;
  audit: Audit;
  /** Monotonic. @default the process's */
  nowMs?: () => number;
}

export interface HttpConfig {
  /** 0 = any free port. */
  port: number;
}

export interface HttpServer {
  /** `http://127.0.0.1:8080` */
  url: string;
  /** Ends open connections. */
  close(): Promise<void>;
}

const LISTEN_ON = '127.0.0.1';
const MAX_BODY_BYTES = 64 * 1024;
const ACTOR = 'http';

const QUERY_STATUS = {
  'not-a-select': 400,
  'several-statements': 400,
  invalid: 400,
  refused: 403,
  'too-slow': 504,
  'too-much-memory': 507,
  busy: 503,
} as const satisfies Record<QueryRefusal, number>;

/**
 * The hub's HTTP on localhost: /health, /status, /ledger, /query, /pull, /metrics and the status page.
 *
 * @throws Error if the port is taken (`EADDRINUSE`)
 */
export async function createHttp(ports: HttpPorts, config: HttpConfig): Promise<HttpServer> {
  let listening = config.port;
  const app = createApp(ports, () => listening);
  const server = createAdaptorServer({ fetch: app.fetch, hostname: LISTEN_ON });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, LISTEN_ON, () => {
      server.off('error', reject);
      resolve();
    });
  });
  listening = (server.address() as AddressInfo).port;
  return {
    url: `http://${LISTEN_ON}:${listening}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function createApp(ports: HttpPorts, port: () => number): Hono {
  const app = new Hono();
  const noteRefused = createRefusedRequests(ports.audit, ports.nowMs ?? (() => performance.now()));
  const ledger = shared(ports.ledger);
  app.use(securityHeaders);
  app.use(async (context, next) => {
    const { host, origin, 'sec-fetch-site': site } = context.req.header();
    const reason = refusalOf(host, origin, port(), site);
    if (reason === undefined) return next();
    noteRefused(reason, `${context.req.method} ${context.req.path}`.slice(0, 200));
    return context.json({ error: reason }, 403);
  });

  app.get('/health', (context) => context.json({ ok: true }));
  app.get('/status', async (context) => context.json(await ports.status()));
  app.get('/ledger', async (context) => context.json(await ledger()));
  app.get('/metrics', async (context) => {
    const [status, ledgers] = await Promise.all([ports.status(), ports.nodeLedgers?.()]);
    const { body, contentType } = await metricsText(status, ledgers);
    return context.body(body, 200, { 'content-type': contentType });
  });
  const bounded = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (context) => context.json({ error: 'too-large', detail: `allowed ${MAX_BODY_BYTES} bytes` }, 413),
  });
  app.post('/query', bounded, (context) => answerQuery(context, ports));
  app.post('/pull', bounded, (context) => startPull(context, ports.pulls, ports.audit));
  app.get('/pull/:id', (context) => showPull(context, context.req.param('id'), ports.pulls));
  for (const { path, contentType, body } of readPageFiles()) {
    app.get(path, (context) => context.body(body, 200, { 'content-type': contentType }));
  }

  app.notFound((context) => context.json({ error: 'not-found' }, 404));
  app.onError((error, context) => {
    ports.logger.error({ error: error.message, path: context.req.path }, 'request failed');
    return context.json({ error: 'internal' }, 500);
  });
  return app;
}

/** Who asks while an answer is being made gets that one. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= make().finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function answerQuery(context: Context, ports: HttpPorts): Promise<Response> {
  const body = await jsonBody(context);
  if (!body.ok) return body.response;
  const sql = sqlOf(body.value);
  if (sql === undefined) return context.json({ error: 'invalid-body', detail: 'expected {"sql": "…"}' }, 400);
  const result = await ports.query(sql);
  const event = { actor: ACTOR, action: 'query', target: sql.slice(0, 200) } as const;
  if (!result.ok) {
    ports.audit.record({ ...event, outcome: 'refused', reason: result.reason });
    return context.json({ error: result.reason, detail: result.detail }, QUERY_STATUS[result.reason]);
  }
  ports.audit.record({ ...event, outcome: 'allowed' });
  const { columns, rows, truncated, ms } = result;
  const json = exactJson({ columns: columns.map(({ name, type }) => ({ name, type })), rows, truncated, ms });
  return context.body(json, 200, { 'content-type': 'application/json' });
}

function sqlOf(body: unknown): string | undefined {
  const sql = typeof body === 'object' && body !== null && 'sql' in body ? body.sql : undefined;
  return typeof sql === 'string' ? sql : undefined;
}
