import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCredentials } from '../../adapters/embedded/credentials.ts';
import type { TlsMaterial } from '../../adapters/embedded/key-pair.ts';
import { openPki } from '../../adapters/embedded/pki.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { createMemoryAudit, createMemoryLogger, type LogLine } from '../../adapters/memory/logger.ts';
import { type Broker, createBroker } from '../../adapters/mqtt/broker.ts';
import type { ReadLimits } from '../../adapters/mqtt/read-gate.ts';
import { createMqttUplink } from '../../adapters/mqtt/uplink.ts';
import type { Audit, AuditEvent, Logger, Random, Uplink } from '../../core/ports.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';

/** Always the shortest pause. */
export const hastyRandom: Random = { u64: () => 0n, fraction: () => 0 };

export async function makeTemporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'headwater-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Resolves once the condition holds; fails after the deadline with what was awaited. */
export async function until(what: string, holds: () => boolean, deadlineMs = 10_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface HubRig {
  /** Of the running broker; restarts keep it. */
  port: number;
  broker: () => Broker;
  start: (ingest?: Ingest) => Promise<void>;
  stop: () => Promise<void>;
  credentialsOf: (node: string) => Promise<TlsMaterial>;
  hubTls: TlsMaterial;
  /** The authority's own files. */
  directory: string;
  uplink: (node: string, logger?: Logger) => Promise<Uplink>;
  logger: Logger & { lines: LogLine[] };
  audit: Audit & { events: AuditEvent[] };
  dispose: () => Promise<void>;
}

export const ingestNothing: Ingest = async () => ({ answers: [], failed: [] });

/** A hub's authority and broker on a free port of this machine, with credentials for the nodes. */
export async function createHubRig(options: {
  nodes: readonly string[];
  /** Nodes with a certificate of this authority that are not in the fleet. */
  strangers?: readonly string[];
  ingest?: Ingest;
  nowMs?: number;
  readLimits?: ReadLimits;
}): Promise<HubRig> {
  const directory = await makeTemporaryDirectory();
  const logger = createMemoryLogger();
  const audit = createMemoryAudit();
  const pkiPorts = {
    directory: directory.path,
    nowMs: () => options.nowMs ?? Date.now(),
    logger,
    audit,
  };
  const pki = await openPki(pkiPorts, { host: '127.0.0.1', nodes: [...options.nodes, ...(options.strangers ?? [])] });
  let broker: Broker | undefined;
  const uplinks: Uplink[] = [];
  const rig: HubRig = {
    port: 0,
    broker: () => broker!,
    start: async (ingest = options.ingest ?? ingestNothing) => {
      broker = await createBroker(
        { tls: pki.hub, ingest, logger, audit, clock: systemClock },
        {
          host: '127.0.0.1',
          port: rig.port,
          nodes: new Set(options.nodes),
          ...(options.readLimits && { readLimits: options.readLimits }),
        },
      );
      rig.port = broker.port;
    },
    stop: async () => broker?.close(),
    credentialsOf: async (node) => {
      const loaded = await loadCredentials(pki.credentialsOf(node), pkiPorts.nowMs());
      if (!loaded.ok) throw new Error(loaded.detail);
      return loaded.credentials;
    },
    hubTls: pki.hub,
    directory: directory.path,
    uplink: async (node, uplinkLogger = logger) => {
      const credentials = await rig.credentialsOf(node);
      const uplink = createMqttUplink(
        { credentials, clock: systemClock, random: hastyRandom, logger: uplinkLogger },
        { host: '127.0.0.1', port: rig.port, node },
      );
      uplinks.push(uplink);
      return uplink;
    },
    logger,
    audit,
    dispose: async () => {
      await Promise.all(uplinks.map((uplink) => uplink.close()));
      await broker?.close();
      await directory.remove();
    },
  };
  await rig.start();
  return rig;
}
