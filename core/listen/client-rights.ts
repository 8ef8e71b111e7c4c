import type { SourcePlan } from '../node-plan.ts';
import type { ListenSourceConfig } from './schema.ts';

export type ListenPlan = SourcePlan & { config: ListenSourceConfig };

/** Who may connect to a port, and for whom: by the name in the certificate. */
export interface ClientRights {
  /** Every name that may connect. */
  readonly clients: ReadonlySet<string>;
  mayPublishFor(client: string, device: string): boolean;
  /** The group that what a client does wrong is counted for. */
  homeOf(client: string): string;
}

/** Rights of all groups of one port: a device for itself, a gateway for those that a group declares. */
export function clientRights(plans: readonly ListenPlan[]): ClientRights {
  const homes = new Map<string, string>();
  const gateways = new Map<string, string[]>();
  for (const { name, config } of plans) {
    for (const [gateway, patterns] of Object.entries(config.gateways)) {
      gateways.set(gateway, [...(gateways.get(gateway) ?? []), ...patterns]);
      if (!homes.has(gateway)) homes.set(gateway, name);
    }
  }
  const devices = new Set(plans.flatMap((plan) => plan.devices));
  for (const plan of plans) for (const device of plan.devices) homes.set(device, plan.name);
  return {
    clients: new Set(homes.keys()),
    mayPublishFor: (client, device) =>
      (client === device && devices.has(client)) ||
      (gateways.get(client) ?? []).some((pattern) => coversDevice(pattern, device)),
    homeOf: (client) => homes.get(client)!,
  };
}

/** `press-*` covers press-001, `press-001` only itself. */
export const coversDevice = (pattern: string, device: string): boolean =>
  pattern.endsWith('*') ? device.startsWith(pattern.slice(0, -1)) : device === pattern;
