import { certificateIdOf, type DeviceRegistry, type Thing } from '../../core/device-registry.ts';
import { inParallel } from '../../core/in-parallel.ts';

export interface ListedDevice {
  node: string;
  fleet: string;
  site: string;
  /** `missing` = the fleet file names it and there is no thing; `not-in-fleet` = the other way round. */
  state: 'provisioned' | 'no-certificate' | 'inactive' | 'missing' | 'not-in-fleet';
  certificates: { id: string; status: string }[];
}

/** Calls under way at once; the account's limit is about ten a second for each kind. */
const AT_ONCE = 5;

/**
 * Every node that is registered, and, where the fleet is given, every node that should be.
 *
 * @param expected names of the fleet's nodes with their sites
 */
export async function listDevices(
  registry: DeviceRegistry,
  expected: { fleet: string; sites: ReadonlyMap<string, string> } | undefined,
): Promise<ListedDevice[]> {
  const things = await registry.listThings(expected?.fleet);
  const devices = await inParallel(AT_ONCE, things, (thing) => describe(registry, thing, expected?.sites));
  const known = new Set(things.map(({ name }) => name));
  for (const [node, site] of expected?.sites ?? []) {
    if (!known.has(node)) devices.push({ node, fleet: expected!.fleet, site, state: 'missing', certificates: [] });
  }
  return devices.sort((a, b) => a.fleet.localeCompare(b.fleet) || a.node.localeCompare(b.node));
}

async function describe(
  registry: DeviceRegistry,
  { name, attributes }: Thing,
  sites: ReadonlyMap<string, string> | undefined,
): Promise<ListedDevice> {
  const certificates: ListedDevice['certificates'] = [];
  for (const arn of await registry.certificatesOf(name)) {
    const id = certificateIdOf(arn);
    certificates.push({ id, status: (await registry.findCertificate(id))?.status ?? 'GONE' });
  }
  const device = { node: name, fleet: attributes.fleet ?? '', site: attributes.site ?? '', certificates };
  return { ...device, state: stateOf(name, certificates, sites) };
}

function stateOf(
  node: string,
  certificates: ListedDevice['certificates'],
  sites: ReadonlyMap<string, string> | undefined,
): ListedDevice['state'] {
  if (sites && !sites.has(node)) return 'not-in-fleet';
  if (certificates.length === 0) return 'no-certificate';
  return certificates.some(({ status }) => status === 'ACTIVE') ? 'provisioned' : 'inactive';
}
