import { dirname, join } from 'node:path';
import { openAuditFile } from '../../adapters/embedded/audit-file.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { createSharedLink } from '../../adapters/mqtt/shared-link.ts';
import type { Fleet } from '../../core/fleet.ts';
import { nodeNames, type PlanOptions, planNode } from '../../core/node-plan.ts';
import type { Logger } from '../../core/ports.ts';
import type { EdgeNode, EdgeNodeStatus } from '../../edge/node.ts';
import { nodeDirectory } from '../../edge/node-directory.ts';
import { startPlainNode } from '../../edge/plain-node.ts';
import { type Hub, startHub } from '../../hub/hub.ts';
import type { HubLedger } from '../../hub/ledger.ts';
import type { HubStatus } from '../../hub/status.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { noteAddress } from './hub-address.ts';
import { orphanedNodes } from './orphans.ts';

export interface LocalFleetConfig {
  fleet: Fleet;
  fleetFile: string;
  data: string;
  options: PlanOptions;
  speed: number;
  mqttPort: number | undefined;
  httpPort: number | undefined;
}

export interface LocalFleet {
  hub: Hub;
  nodes: readonly EdgeNode[];
  statuses(): Promise<EdgeNodeStatus[]>;
  /** Resolves if something fails that nothing here can mend. */
  failed: Promise<Error>;
  /** Delivers what waits for at most `flushMs`, then compares both sides and closes everything. */
  stop(flushMs: number): Promise<Ending>;
}

export interface Ending {
  /** As node/source: they ended by an error. */
  failedSources: string[];
  statuses: EdgeNodeStatus[];
  hub: HubStatus;
  ledger: HubLedger;
}

/** A whole fleet on this machine: a hub, and its nodes as parts of the same process with one journal worker. */
export async function startLocalFleet(logger: Logger, config: LocalFleetConfig): Promise<LocalFleet> {
  const { fleet, data } = config;
  const names = nodeNames(fleet, config.options);
  const audit = openAuditFile(join(data, 'hub'), systemClock, logger);
  const hub = await startHub(
    { clock: systemClock, logger, audit },
    {
      fleet,
      directory: join(data, 'hub'),
      listenOn: '127.0.0.1',
      mqttPort: config.mqttPort ?? fleet.hub.mqttPort,
      httpPort: config.httpPort ?? fleet.hub.httpPort,
      nodes: names,
    },
  );
  noteAddress(data, hub);
  const orphans = orphanedNodes(data, fleet);
  if (orphans.length > 0) {
    logger.warn(
      {
        nodes: orphans,
        detail: `${orphans.join(', ')}: name them in the fleet file again to deliver what waits there`,
      },
      'start: nodes with a journal that the fleet file does not name',
    );
  }
  const worker = startJournalWorker(new URL('./journal-worker.js', import.meta.url), logger);
  const link = createSharedLink(systemClock, fleet.link.bytesPerSecond);
  const nodes: EdgeNode[] = [];
  const closeAll = async (flushMs: number): Promise<EdgeNodeStatus[]> => {
    const statuses = await Promise.all(nodes.map((node) => node.stop(flushMs)));
    await worker.close();
    return statuses;
  };
  try {
    for (const name of names) {
      const node = await startPlainNode(worker, logger, {
        plan: planNode(fleet, name, config.options)!,
        directory: nodeDirectory(data, name),
        uplinks: [
          { name: 'hub', hub: { host: '127.0.0.1', port: hub.mqttPort }, credentials: hub.credentialsOf(name) },
        ],
        link,
        fleetDirectory: dirname(config.fleetFile),
        speed: config.speed,
      });
      nodes.push(node);
    }
  } catch (error) {
    await closeAll(0);
    await hub.close();
    throw error;
  }
  const statuses = (): Promise<EdgeNodeStatus[]> => Promise.all(nodes.map((node) => node.status()));
  hub.attachLedgers(async () => (await statuses()).map(({ ledger }) => ledger));
  return {
    hub,
    nodes,
    statuses,
    failed: worker.failed,
    async stop(flushMs) {
      const last = await closeAll(flushMs);
      hub.attachLedgers(async () => last.map(({ ledger }) => ledger));
      const failedSources = last.flatMap(({ ledger, failedSources }) =>
        failedSources.map((source) => `${ledger.node}/${source}`),
      );
      const ending = { statuses: last, failedSources, hub: await hub.status(), ledger: await hub.ledger() };
      await hub.close();
      return ending;
    },
  };
}
