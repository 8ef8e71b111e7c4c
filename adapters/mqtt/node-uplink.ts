import { join } from 'node:path';
import type { FailoverConfig } from '../../core/failover.ts';
import type { Clock, Logger, Random, Uplink } from '../../core/ports.ts';
import {
  CREDENTIAL_FILES,
  type CredentialProblem,
  type CredentialTrouble,
  loadCredentials,
} from '../embedded/credentials.ts';
import { loadDeviceCredentials } from '../embedded/device-credentials.ts';
import type { TlsMaterial } from '../embedded/key-pair.ts';
import { UPLINK_FILE } from '../embedded/uplink-file.ts';
import { createFailoverUplink } from './failover-uplink.ts';
import { HUB_SIDE, iotCoreSide, type MqttFarSide } from './far-side.ts';
import { createMqttUplink } from './uplink.ts';

/** A host and its MQTT port. */
export interface Endpoint {
  host: string;
  port: number;
}

/** Whom to dial. */
export type FarSideChoice =
  | { hub: Endpoint }
  /** `endpoint` undefined: the one that is noted beside the credentials. */
  | { iotCore: { endpoint: Endpoint | undefined } };

/** One uplink of a node: its name, whom to dial, and the folder with ca.crt, node.crt and node.key for it. */
export type UplinkChoice = FarSideChoice & {
  name: string;
  credentials: string;
  /** Where else they may lie: a folder of the uplink's own. @default nowhere */
  ownFolder?: string | undefined;
};

/** An uplink that can be dialled. */
export interface UplinkWay {
  name: string;
  /** As in "delivering to …". */
  farSide: string;
  endpoint: Endpoint;
}

/** The credentials of a node cannot be used: `message` says why and what to do. */
export class CredentialsError extends Error {
  readonly reason: CredentialTrouble;
  constructor(reason: CredentialTrouble, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export interface NodeUplinkPorts {
  clock: Clock;
  random: Random;
  logger: Logger;
}

/**
 * A node's way out: its uplinks in order of preference, each with its own credentials. One that cannot be used
 * is left out and told of, since the others may serve: a certificate that expired beside a healthy hub must not keep
 * the node from starting.
 *
 * @throws CredentialsError; Error if no uplink can be used: that of the first
 */
export async function findNodeUplink(
  ports: NodeUplinkPorts,
  identity: { node: string; fleet: string },
  choices: readonly UplinkChoice[],
  timing: Omit<FailoverConfig, 'uplinks'>,
): Promise<{ ways: UplinkWay[]; dial: () => Uplink }> {
  const found = await Promise.all(choices.map((choice) => findWay(choice, identity, ports.clock.wallMs())));
  const usable = found.flatMap((one) => (one instanceof Error ? [] : [one]));
  found.forEach((one, at) => {
    if (!(one instanceof Error)) return;
    if (usable.length === 0) throw one;
    ports.logger.error({ uplink: choices[at]!.name, detail: one.message }, 'uplink: cannot be used and is left out');
  });
  const open = (at: number, logger: Logger): Uplink => {
    const { name, endpoint, credentials, side } = usable[at]!;
    return createMqttUplink(
      { ...ports, logger, credentials },
      { ...endpoint, node: identity.node, uplink: name },
      side,
    );
  };
  const ways = usable.map(({ name, side, endpoint }) => ({ name, farSide: side.name, endpoint }));
  const names = ways.map(({ name }) => name);
  const dial = (): Uplink =>
    usable.length === 1 ? open(0, ports.logger) : createFailoverUplink({ ...ports, dial: open }, names, timing);
  return { ways, dial };
}

interface FoundWay {
  name: string;
  endpoint: Endpoint;
  credentials: TlsMaterial;
  side: MqttFarSide;
}

async function findWay(
  choice: UplinkChoice,
  { node, fleet }: { node: string; fleet: string },
  nowMs: number,
): Promise<FoundWay | Error> {
  const { name } = choice;
  if ('hub' in choice) {
    const loaded = await loadCredentials(choice.credentials, nowMs);
    if (!loaded.ok) return unusable(loaded, choice);
    const named = loaded.credentials.node;
    if (named !== node) {
      const detail = `${join(choice.credentials, CREDENTIAL_FILES.cert)} is made out to ${named}, this node is ${node}: copy the folder hub/pki/credentials/${node} of the hub's data directory`;
      return new CredentialsError('another-node', detail);
    }
    return { name, endpoint: choice.hub, credentials: loaded.credentials, side: HUB_SIDE };
  }
  const loaded = await loadDeviceCredentials(choice.credentials, { node, fleet }, nowMs);
  if (!loaded.ok) return unusable(loaded, choice);
  const { tls, note } = loaded.credentials;
  // Whoever names the host names the port: one of each would be no address.
  const endpoint = choice.iotCore.endpoint ?? (note && { host: note.endpoint, port: note.port });
  if (!endpoint) {
    return new Error(
      `no endpoint of IoT Core is known: neither --endpoint nor the fleet file names one, and ${join(choice.credentials, UPLINK_FILE)} does not exist; run "headwater provision device ${node}", which writes it, or give --endpoint (aws iot describe-endpoint --endpoint-type iot:Data-ATS)`,
    );
  }
  return { name, endpoint, credentials: tls, side: iotCoreSide(fleet) };
}

/** With several uplinks one folder is not enough: what is missing may be missing in two places. */
function unusable({ reason, detail }: CredentialProblem, choice: UplinkChoice): CredentialsError {
  const { name, credentials, ownFolder } = choice;
  if (reason !== 'missing-file' || ownFolder === undefined) return new CredentialsError(reason, detail);
  const files = [...Object.values(CREDENTIAL_FILES), ...('iotCore' in choice ? [UPLINK_FILE] : [])];
  const places = ownFolder === credentials ? `${ownFolder}/` : `${ownFolder}/, else in ${credentials}/`;
  return new CredentialsError(reason, `uplink "${name}": ${detail}; expected are ${files.join(', ')} in ${places}`);
}
