import type { UplinkPlan } from '../../core/node-plan.ts';
import type { Endpoint, FarSideChoice } from '../../edge/plain-node.ts';
import { hostAndPort } from '../options.ts';

/** Options that say whom a node dials. */
export interface FarSideOptions {
  hub?: string;
  mqttPort?: number;
  endpoint?: string;
}

/**
 * Whom a node dials: as the options say, else as the fleet file says.
 *
 * @throws Error if an option is for the other kind of uplink: ignored, it would hide that records go elsewhere
 */
export function chooseFarSide(options: FarSideOptions, uplink: UplinkPlan): FarSideChoice {
  if (uplink.type === 'hub') {
    if (options.endpoint !== undefined) {
      throw new Error(
        `--endpoint ${options.endpoint}: the fleet file's uplink is a hub; use --hub, or uplink iot-core`,
      );
    }
    const given = options.hub === undefined ? undefined : hostAndPort('--hub', options.hub);
    return { hub: { host: given?.host ?? uplink.host, port: options.mqttPort ?? given?.port ?? uplink.port } };
  }
  for (const [name, value] of [
    ['--hub', options.hub],
    ['--mqtt-port', options.mqttPort],
  ] as const) {
    if (value !== undefined) {
      throw new Error(`${name} ${value}: the fleet file's uplink is iot-core; use --endpoint, or uplink hub`);
    }
  }
  return { iotCore: { endpoint: iotCoreEndpoint(options.endpoint, uplink) } };
}

function iotCoreEndpoint(
  option: string | undefined,
  uplink: { endpoint: string | undefined; port: number },
): Endpoint | undefined {
  if (option !== undefined) {
    const { host, port } = hostAndPort('--endpoint', option);
    return { host, port: port ?? uplink.port };
  }
  return uplink.endpoint === undefined ? undefined : { host: uplink.endpoint, port: uplink.port };
}
