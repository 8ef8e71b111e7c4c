import { join } from 'node:path';
import { type CredentialTrouble, loadCredentials } from '../adapters/embedded/credentials.ts';
import { lockDirectory } from '../adapters/embedded/directory-lock.ts';
import { openQuarantineFile } from '../adapters/embedded/quarantine-file.ts';
import { systemClock } from '../adapters/embedded/system-clock.ts';
import { systemRandom } from '../adapters/embedded/system-random.ts';
import { createMqttUplink } from '../adapters/mqtt/uplink.ts';
import { createSource } from '../adapters/sources/source.ts';
import type { NodePlan } from '../core/node-plan.ts';
import type { Logger } from '../core/ports.ts';
import type { JournalWorker } from '../journal/worker-client.ts';
import { type EdgeNode, startEdgeNode } from './node.ts';

export interface PlainNodeConfig {
  plan: NodePlan;
  /** Everything durable of this node: journal, quarantine. */
  directory: string;
  /** Folder with ca.crt, node.crt and node.key. */
  credentials: string;
  hub: { host: string; port: number };
  /** Folder of the fleet file: paths of file sources are relative to it. */
  fleetDirectory: string;
  /** Replayed and simulated time runs so many times faster. */
  speed: number;
}

/** More than a snapshot of the forward log needs. */
const BALLAST_BYTES = 512 * 1024;

/** The credentials of a node cannot be used: `message` says why and what to do. */
export class CredentialsError extends Error {
  readonly reason: CredentialTrouble;
  constructor(reason: CredentialTrouble, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/**
 * A node as a plain process, or as one of several in a process: real disk, clock and network.
 *
 * @throws CredentialsError; Error if the directory is in use or cannot be used
 */
export async function startPlainNode(
  worker: JournalWorker,
  logger: Logger,
  config: PlainNodeConfig,
): Promise<EdgeNode> {
  const { plan, directory, hub } = config;
  const loaded = await loadCredentials(config.credentials, systemClock.wallMs());
  if (!loaded.ok) throw new CredentialsError(loaded.reason, loaded.detail);
  const lock = await lockDirectory(directory);
  try {
    const uplink = createMqttUplink(
      { credentials: loaded.credentials, clock: systemClock, random: systemRandom, logger },
      { ...hub, node: plan.node },
    );
    const node = await startEdgeNode(
      {
        journal: worker.journal(join(directory, 'journal'), { ...plan.journal, ballastBytes: BALLAST_BYTES }),
        uplink,
        clock: systemClock,
        random: systemRandom,
        quarantine: openQuarantineFile(directory, logger),
        logger,
        createSource: (source) =>
          createSource(
            source,
            { clock: systemClock, logger },
            { node: plan.node, seed: plan.seed, directory: config.fleetDirectory, speed: config.speed },
          ),
      },
      plan,
    ).catch(async (error) => {
      await uplink.close();
      throw error;
    });
    return {
      ...node,
      async stop(flushMs) {
        const status = await node.stop(flushMs);
        await lock.release();
        return status;
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
