import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint, FarSideChoice, UplinkChoice } from '../../adapters/mqtt/node-uplink.ts';
import type { NodePlan, UplinkPlan } from '../../core/node-plan.ts';
import { nodeDirectory } from '../../edge/node-directory.ts';
import { hostAndPort } from '../options.ts';

/** Options that say whom a node dials. */
export interface FarSideOptions {
  hub?: string;
  mqttPort?: number;
  endpoint?: string;
}

/**
 * Whom a node dials, in order: as the options say, else as the fleet file says. Options are about the first uplink of
 * their kind.
 *
 * @throws Error if an option is for a kind of uplink that the fleet does not have: ignored, it would hide that records
 * go elsewhere
 */
export function chooseFarSides(options: FarSideOptions, uplinks: readonly UplinkPlan[]): FarSideChoice[] {
  const firstOf = (type: UplinkPlan['type']): number => uplinks.findIndex((uplink) => uplink.type === type);
  if (firstOf('hub') < 0) {
    for (const [name, value] of [
      ['--hub', options.hub],
      ['--mqtt-port', options.mqttPort],
    ] as const) {
      if (value === undefined) continue;
      throw new Error(`${name} ${value}: the fleet file's uplink is iot-core; use --endpoint, or uplink hub`);
    }
  }
  if (firstOf('iot-core') < 0 && options.endpoint !== undefined) {
    throw new Error(`--endpoint ${options.endpoint}: the fleet file's uplink is a hub; use --hub, or uplink iot-core`);
  }
  return uplinks.map((uplink, at) => {
    const own = at === firstOf(uplink.type) ? options : {};
    return uplink.type === 'hub' ? hubChoice(own, uplink) : { iotCore: { endpoint: iotCoreEndpoint(own, uplink) } };
  });
}

function hubChoice(options: FarSideOptions, { host, port }: Endpoint): FarSideChoice {
  const given = options.hub === undefined ? undefined : hostAndPort('--hub', options.hub);
  return { hub: { host: given?.host ?? host, port: options.mqttPort ?? given?.port ?? port } };
}

function iotCoreEndpoint(
  options: FarSideOptions,
  uplink: { endpoint: string | undefined; port: number },
): Endpoint | undefined {
  if (options.endpoint !== undefined) {
    const { host, port } = hostAndPort('--endpoint', options.endpoint);
    return { host, port: port ?? uplink.port };
  }
  return uplink.endpoint === undefined ? undefined : { host: uplink.endpoint, port: uplink.port };
}

/** The uplinks of a node with the folders of their credentials. */
export function chooseUplinks(
  options: FarSideOptions & { credentials?: string; data: string },
  { node, uplinks }: Pick<NodePlan, 'node' | 'uplinks'>,
): UplinkChoice[] {
  const farSides = chooseFarSides(options, uplinks);
  return uplinks.map(({ name, type }, at) => {
    return { ...farSides[at]!, name, ...credentialsOf(options, { node, name, type }) };
  });
}

/** Each uplink has its own authority, so a folder may hold one named after the uplink for each. */
function credentialsOf(
  { credentials, data }: { credentials?: string; data: string },
  { node, name, type }: { node: string; name: string; type: UplinkPlan['type'] },
): Pick<UplinkChoice, 'credentials' | 'ownFolder'> {
  const fromHub = join(data, 'hub', 'pki', 'credentials', node);
  if (credentials === undefined && type === 'hub' && existsSync(fromHub)) return { credentials: fromHub };
  const folder = credentials ?? join(nodeDirectory(data, node), 'credentials');
  const ownFolder = join(folder, name);
  return { credentials: existsSync(ownFolder) ? ownFolder : folder, ownFolder };
}
