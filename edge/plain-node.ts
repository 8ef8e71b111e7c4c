import { join } from 'node:path';
import { type CredentialTrouble, loadCredentials } from '../adapters/embedded/credentials.ts';
import { loadDeviceCredentials } from '../adapters/embedded/device-credentials.ts';
import { lockDirectory } from '../adapters/embedded/directory-lock.ts';
import type { TlsMaterial } from '../adapters/embedded/key-pair.ts';
import { openQuarantineFile } from '../adapters/embedded/quarantine-file.ts';
import { systemClock } from '../adapters/embedded/system-clock.ts';
import { systemRandom } from '../adapters/embedded/system-random.ts';
import { UPLINK_FILE } from '../adapters/embedded/uplink-file.ts';
import { HUB_SIDE, iotCoreSide, type MqttFarSide } from '../adapters/mqtt/far-side.ts';
import { createMqttUplink } from '../adapters/mqtt/uplink.ts';
import { createSource } from '../adapters/sources/source.ts';
import type { NodePlan } from '../core/node-plan.ts';
import type { Logger } from '../core/ports.ts';
import type { JournalWorker } from '../journal/worker-client.ts';
import { type EdgeNode, startEdgeNode } from './node.ts';

/** A host and its MQTT port. */
export interface Endpoint {
  host: string;
  port: number;
}

export type PlainNodeConfig = NodePlace & FarSideChoice;

/** Whom to dial. */
export type FarSideChoice =
  | { hub: Endpoint }
  /** `endpoint` undefined: the one that is noted beside the credentials. */
  | { iotCore: { endpoint: Endpoint | undefined } };

interface NodePlace {
  plan: NodePlan;
  /** Everything durable of this node: journal, quarantine. */
  directory: string;
  /** Folder with ca.crt, node.crt and node.key. */
  credentials: string;
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

export interface PlainNode extends EdgeNode {
  /** Whom it dials. */
  endpoint: Endpoint;
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
  const way = await findWay(config);
  const lock = await lockDirectory(directory);
  try {
    const uplink = createMqttUplink(
      { credentials: way.credentials, clock: systemClock, random: systemRandom, logger },
      { ...way.endpoint, node: plan.node },
      way.farSide,
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
      endpoint: way.endpoint,
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

interface Way {
  endpoint: Endpoint;
  credentials: TlsMaterial;
  farSide: MqttFarSide;
}

async function findWay(config: PlainNodeConfig): Promise<Way> {
  const { node, fleet } = config.plan;
  const nowMs = systemClock.wallMs();
  if ('hub' in config) {
    const loaded = await loadCredentials(config.credentials, nowMs);
    if (!loaded.ok) throw new CredentialsError(loaded.reason, loaded.detail);
    return { endpoint: config.hub, credentials: loaded.credentials, farSide: HUB_SIDE };
  }
  const loaded = await loadDeviceCredentials(config.credentials, { node, fleet }, nowMs);
  if (!loaded.ok) throw new CredentialsError(loaded.reason, loaded.detail);
  const { tls, note } = loaded.credentials;
  // Whoever names the host names the port: one of each would be no address.
  const endpoint = config.iotCore.endpoint ?? (note && { host: note.endpoint, port: note.port });
  if (!endpoint) {
    throw new Error(
      `no endpoint of IoT Core is known: neither --endpoint nor the fleet file names one, and ${join(config.credentials, UPLINK_FILE)} does not exist; run "headwater provision device ${node}", which writes it, or give --endpoint (aws iot describe-endpoint --endpoint-type iot:Data-ATS)`,
    );
  }
  return { endpoint, credentials: tls, farSide: iotCoreSide(fleet) };
}
