import { join } from 'node:path';
import { loadCredentials } from '../../adapters/embedded/credentials.ts';
import type { TlsMaterial } from '../../adapters/embedded/key-pair.ts';
import { openPki } from '../../adapters/embedded/pki.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createListeners } from '../../adapters/sources/listen/listeners.ts';
import { fleetSchema } from '../../core/fleet.ts';
import { checkFleet } from '../../core/fleet-check.ts';
import { clientRights, type ListenPlan } from '../../core/listen/client-rights.ts';
import { planNode } from '../../core/node-plan.ts';
import type { SourceBatch } from '../../core/ports.ts';
import { makeTemporaryDirectory, until } from './hub-rig.ts';

/** The plan of a group that listens, as a checked fleet file would declare it. */
export function listenPlan(
  streams: Record<string, object>,
  source: object = {},
  { name = 'pump', count }: { name?: string; count?: number } = {},
): ListenPlan {
  const fleet = fleetSchema.parse({
    version: 1,
    name: 'test',
    sites: { here: {} },
    streams,
    deviceGroups: {
      [name]: { streams: Object.keys(streams), source: { type: 'listen', ...source }, ...(count && { count }) },
    },
    nodes: [{ name: 'node', site: 'here', deviceGroups: [name] }],
  });
  const problems = checkFleet(fleet);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return planNode(fleet, 'node', { demo: false })!.sources[0] as ListenPlan;
}

/** One offer of a listener, to be answered by the test. */
export interface Offered {
  source: string;
  batch: SourceBatch;
  answer: (fate: 'committed' | 'not-now') => void;
}

/** A node's listeners on a free port of this machine, with a journal that the test plays. */
export async function createListenRig(plans: readonly ListenPlan[], options: { strangers?: string[] } = {}) {
  const folder = await makeTemporaryDirectory();
  const logger = createMemoryLogger();
  const audit = createMemoryAudit();
  const clients = [...clientRights(plans).clients, ...(options.strangers ?? [])];
  const pki = await openPki(
    { directory: join(folder.path, 'listener/node'), nowMs: Date.now, logger, audit },
    { host: '127.0.0.1', nodes: clients, server: 'listener' },
  );
  const offers: Offered[] = [];
  const state: Record<string, Record<string, string>> = {};
  /** What the journal says at once; undefined = the test answers each offer. */
  let standing: 'committed' | 'not-now' | undefined = 'committed';
  const commit = ({ source, batch }: Offered): void => {
    state[source] = { ...state[source], ...(batch.state as Record<string, string>) };
  };
  const open = async () => {
    const stopping = new AbortController();
    const local = plans.map((plan) => ({ ...plan, config: { ...plan.config, host: '127.0.0.1', port: 0 } }));
    const listeners = createListeners(
      { clock: systemClock, logger, audit },
      { node: 'node', directory: folder.path },
      local,
    );
    const runs = local.map((plan) =>
      listeners.sourceOf(plan).run(
        {
          offer: (batch) =>
            new Promise((resolve) => {
              const offered: Offered = {
                source: plan.name,
                batch,
                answer: (fate) => {
                  if (fate === 'committed') commit(offered);
                  resolve(fate);
                },
              };
              offers.push(offered);
              if (standing) offered.answer(standing);
            }),
        },
        undefined,
        stopping.signal,
        state[plan.name] ?? {},
      ),
    );
    const openings = (): object[] =>
      logger.lines.filter(({ message }) => message === 'listener: open').map(({ fields }) => fields);
    const before = openings().length;
    await until('the port is open', () => openings().length > before);
    return {
      port: (openings().at(-1) as { port: number }).port,
      runs: Promise.all(runs),
      async stop() {
        stopping.abort();
        await Promise.all(runs);
      },
    };
  };
  let running = await open();
  return {
    logger,
    audit,
    offers,
    state,
    folder: folder.path,
    ca: pki.hub,
    get port() {
      return running.port;
    },
    runs: () => running.runs,
    answering(fate: 'committed' | 'not-now' | undefined) {
      standing = fate;
    },
    readings: () =>
      offers.flatMap(({ batch }) => batch.readings.map(({ device, stream, value }) => [device, stream, value])),
    refused: () => offers.flatMap(({ batch }) => (batch.refused ?? []).map(({ reason }) => reason)),
    refusals: (reason: string) =>
      logger.lines.filter(({ fields }) => (fields as { reason?: string }).reason === reason).length,
    async credentialsOf(client: string): Promise<TlsMaterial> {
      const loaded = await loadCredentials(pki.credentialsOf(client), Date.now());
      if (!loaded.ok) throw new Error(loaded.detail);
      return loaded.credentials;
    },
    async restart() {
      await running.stop();
      running = await open();
    },
    async dispose() {
      await running.stop();
      await folder.remove();
    },
  };
}
