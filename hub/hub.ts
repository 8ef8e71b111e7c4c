import { join } from 'node:path';
import { openByteCodec } from '../adapters/compression/byte-codec.ts';
import { type DuckDbStore, openDuckDbStore } from '../adapters/embedded/duckdb-store.ts';
import { openPki, type Pki } from '../adapters/embedded/pki.ts';
import { openQueryEngine, type QueryEngine, type StreamRow } from '../adapters/embedded/query-engine.ts';
import { createBroker } from '../adapters/mqtt/broker.ts';
import type { Fleet } from '../core/fleet.ts';
import type { NodeLedger } from '../core/ledger.ts';
import { planNode } from '../core/node-plan.ts';
import type { Audit, Clock, Logger } from '../core/ports.ts';
import { createIngest } from '../lambdas/ingest/handler.ts';
import { createHttp, type HttpServer } from './http.ts';
import { hubStatusOf } from './hub-status.ts';
import { createIngestTally } from './ingest-tally.ts';
import { type HubLedger, hubLedgerOf } from './ledger.ts';
import { createPulls } from './pulls.ts';
import { startSealing } from './sealing.ts';
import { createStatementBook } from './statement-book.ts';
import type { HubStatus } from './status.ts';

export interface HubPorts {
  clock: Clock;
  logger: Logger;
  audit: Audit;
}

export interface HubConfig {
  fleet: Fleet;
  /** Everything durable of the hub: certificates and store. */
  directory: string;
  /** Address to listen on for MQTT. */
  listenOn: string;
  /** 0 = any free port. */
  mqttPort: number;
  httpPort: number;
  /** The nodes that get credentials and may connect. */
  nodes: readonly string[];
}

export interface Hub {
  /** MQTT, as bound. */
  mqttPort: number;
  /** Of the status page. */
  url: string;
  credentialsOf(node: string): string;
  status(): Promise<HubStatus>;
  /** Reads every file. */
  ledger(): Promise<HubLedger>;
  /** Nodes in the same process let the hub show their side too. */
  attachLedgers(read: () => Promise<NodeLedger[]>): void;
  /** Stops taking messages, finishes what it has, closes the store. */
  close(): Promise<void>;
}

/**
 * The embedded cloud: MQTT with mutual TLS, the ingest handler on a DuckDB store, Parquet, HTTP, in one process; SQL
 * queries run in another one.
 *
 * @throws if a port is taken, another hub runs on the directory, or its authority or store is damaged
 */
export async function startHub(ports: HubPorts, config: HubConfig): Promise<Hub> {
  const { clock, logger, audit } = ports;
  const { fleet, directory } = config;
  const nodes = new Set(config.nodes);
  const started: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of started.splice(0).reverse()) await close();
  };
  /** What was started is stopped again, in reverse order, if a later part cannot start. */
  const starting = async <T>(part: Promise<T>, close: (started: T) => Promise<void>): Promise<T> => {
    try {
      const value = await part;
      started.push(() => close(value));
      return value;
    } catch (error) {
      await closeAll();
      throw error;
    }
  };

  const store = await starting(openStore(ports, config), (opened) => opened.close());
  const pki = await starting(
    openPki(
      { directory: join(directory, 'pki'), nowMs: clock.wallMs, logger, audit },
      { host: fleet.hub.host, nodes: config.nodes },
    ),
    nothing,
  );
  const engine = await starting(openEngine(store, logger, config), (opened) => opened.close());
  const tally = createIngestTally();
  const statements = createStatementBook();
  const ingest = createIngest({
    store,
    codec: await openByteCodec(),
    nowMs: clock.wallMs,
    logger,
    audit,
    mayCarry: (client, node) => client === node && nodes.has(node),
    observe: tally.observe,
    stated: (node, statement) => statements.note(node, statement, clock.wallMs()),
    other: (message) => pulls.report(message),
  });
  await starting(Promise.resolve(startSealing({ store, clock, logger }, fleet.hub.sealEvery)), (sealing) =>
    sealing.stop(),
  );
  const broker = await starting(
    createBroker(
      { tls: pki.hub, ingest, logger, audit, clock },
      {
        host: config.listenOn,
        port: config.mqttPort,
        nodes,
        readLimits: { messagesPerSecond: fleet.hub.clientMessages, bytesPerSecond: fleet.hub.clientBytes },
      },
    ),
    (opened) => opened.close(),
  );

  const pulls = createPulls(
    {
      clock,
      publish: broker.publishAnswer,
      isConnected: (node) => broker.status().clients[node]?.connected ?? false,
    },
    nodes,
  );
  const startedAtMs = clock.wallMs();
  let readNodeLedgers: () => Promise<NodeLedger[]> = async () => [];
  const address = { mqtt: `${fleet.hub.host}:${broker.port}`, http: '' };
  const status = (): Promise<HubStatus> =>
    hubStatusOf({
      name: fleet.name,
      startedAtMs,
      nowMs: clock.wallMs(),
      address,
      store,
      broker,
      engine,
      tally,
      latestOf: statements.latestOf,
      nodes: config.nodes,
    });
  const ledger = async (): Promise<HubLedger> => {
    // What was stated was taken down before: the store knows it too when it is read.
    const words = new Map(config.nodes.map((node) => [node, statements.latestOf(node)]));
    return hubLedgerOf(await store.ledger(), config.nodes, await readNodeLedgers(), (node) => words.get(node));
  };
  const http = await starting<HttpServer>(
    createHttp(
      {
        status,
        ledger,
        nodeLedgers: () => readNodeLedgers(),
        pulls,
        query: async (sql) => tally.answered(await engine.query(sql)),
        logger,
        audit,
      },
      { port: config.httpPort },
    ),
    (opened) => opened.close(),
  );
  address.http = http.url;

  return {
    mqttPort: broker.port,
    url: http.url,
    credentialsOf: pki.credentialsOf,
    status,
    ledger,
    attachLedgers(read) {
      readNodeLedgers = read;
    },
    close: closeAll,
  };
}

const nothing = async (_pki: Pki): Promise<void> => undefined;

function openStore({ clock, logger }: HubPorts, { directory, fleet }: HubConfig): Promise<DuckDbStore> {
  return openDuckDbStore(
    { logger, nowMs: clock.wallMs },
    { directory: join(directory, 'store'), sealRows: fleet.hub.sealRows },
  );
}

function openEngine(source: DuckDbStore, logger: Logger, { directory, fleet, nodes }: HubConfig): Promise<QueryEngine> {
  return openQueryEngine(
    { source, logger, bundle: new URL('./query-process.js', import.meta.url) },
    {
      snapshotFolder: join(directory, 'query'),
      streams: streamRows(fleet, nodes),
      timeoutMs: fleet.hub.queryTimeout,
      memoryBytes: fleet.hub.queryMemory,
    },
  );
}

function streamRows(fleet: Fleet, nodes: readonly string[]): StreamRow[] {
  return nodes.flatMap((node) => {
    const names = new Set(
      planNode(fleet, node, { demo: false })!.sources.flatMap((source) => source.streams.map(({ name }) => name)),
    );
    return [...names].map((stream) => {
      const { kind, unit, priority } = fleet.streams[stream]!;
      return { node, stream, kind, unit: unit ?? null, priority };
    });
  });
}
