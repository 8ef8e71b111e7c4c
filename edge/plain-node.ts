import { join, resolve } from 'node:path';
import { openByteCodec } from '../adapters/compression/byte-codec.ts';
import { openAuditFile } from '../adapters/embedded/audit-file.ts';
import { openControlSocket } from '../adapters/embedded/control-socket.ts';
import { lockDirectory } from '../adapters/embedded/directory-lock.ts';
import { openQuarantineFile } from '../adapters/embedded/quarantine-file.ts';
import { systemClock } from '../adapters/embedded/system-clock.ts';
import { systemRandom } from '../adapters/embedded/system-random.ts';
import { prometheusText } from '../adapters/metrics/prometheus-text.ts';
import { findNodeUplink, type UplinkChoice, type UplinkWay } from '../adapters/mqtt/node-uplink.ts';
import type { SharedLink } from '../adapters/mqtt/shared-link.ts';
import { createListeners } from '../adapters/sources/listen/listeners.ts';
import { createSource } from '../adapters/sources/source.ts';
import type { NodePlan } from '../core/node-plan.ts';
import type { Logger } from '../core/ports.ts';
import type { JournalWorker } from '../journal/worker-client.ts';
import { createControl } from './control.ts';
import { type EdgeNode, startEdgeNode } from './node.ts';

export interface PlainNodeConfig {
  plan: NodePlan;
  /** Everything durable of this node: journal, quarantine. */
  directory: string;
  /** Where it delivers to, in order of preference. */
  uplinks: readonly UplinkChoice[];
  /** The way out that it shares with the other nodes of this process. @default none */
  link?: SharedLink;
  /** Folder of the fleet file: paths of file sources are relative to it. */
  fleetDirectory: string;
  /** Replayed and simulated time runs so many times faster. */
  speed: number;
}

/** More than a snapshot of the forward log needs. */
const BALLAST_BYTES = 512 * 1024;

export interface PlainNode extends EdgeNode {
  /** Whom it dials, in order of preference. */
  ways: readonly UplinkWay[];
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
): Promise<PlainNode> {
  const { plan, directory } = config;
  const { keyDirectory: _, ...journalConfig } = plan.journal;
  // Before anything is made: what cannot deliver leaves no folder behind.
  const found = await findNodeUplink(
    { clock: systemClock, random: systemRandom, logger },
    plan,
    config.uplinks,
    timingOf(plan.failover),
  );
  const lock = await lockDirectory(directory);
  try {
    const dialled = found.dial();
    const uplink = config.link ? config.link.join(plan.node, dialled) : dialled;
    const audit = openAuditFile(directory, systemClock, logger);
    const listeners = createListeners(
      { clock: systemClock, logger, audit },
      { node: plan.node, directory: config.fleetDirectory },
      plan.sources,
    );
    const node = await startEdgeNode(
      {
        journal: worker.journal(join(directory, 'journal'), {
          ...journalConfig,
          keyFile: keyFileOf(config),
          ballastBytes: Math.min(BALLAST_BYTES, Math.floor(journalConfig.maxBytes / 16)),
        }),
        uplink,
        codec: await openByteCodec(),
        clock: systemClock,
        random: systemRandom,
        quarantine: openQuarantineFile(directory, logger),
        logger,
        audit,
        createSource: (source) =>
          createSource(
            source,
            { clock: systemClock, logger, listeners },
            { node: plan.node, seed: plan.seed, directory: config.fleetDirectory, speed: config.speed },
          ),
      },
      plan,
    ).catch(async (error) => {
      await uplink.close();
      throw error;
    });
    const answer = createControl({ node, audit, metricsText: prometheusText });
    const control = await openControlSocket(directory, answer).catch((error: Error) => {
      // What it collects matters more than that it can be asked.
      logger.warn({ error: error.message }, 'node: no control socket; it cannot be asked or commanded');
    });
    return {
      ...node,
      ways: found.ways,
      async stop(flushMs) {
        await control?.close();
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

/** A relative folder is one beside the fleet file, as paths of sources are: wherever the command was called. */
export const keyFileOf = ({ plan, directory, fleetDirectory }: PlainNodeConfig): string => {
  const { keyDirectory } = plan.journal;
  return keyDirectory === undefined
    ? join(directory, 'keys.json')
    : resolve(fleetDirectory, keyDirectory, `${plan.node}.keys.json`);
};

const timingOf = ({ unreachableFor, silentFor, probeEvery, steadyFor }: NodePlan['failover']) => ({
  unreachableMs: unreachableFor,
  silentMs: silentFor,
  probeEveryMs: probeEvery,
  steadyMs: steadyFor,
});
