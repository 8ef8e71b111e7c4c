import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createIotRegistry } from '../../adapters/aws/iot-registry.ts';
import { amazonRoots } from '../../adapters/embedded/amazon-roots.ts';
import { openAuditFile } from '../../adapters/embedded/audit-file.ts';
import { parseRoots } from '../../adapters/embedded/device-credentials.ts';
import { createStderrLogger } from '../../adapters/embedded/pino-logger.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { certificateIdOf } from '../../core/device-registry.ts';
import type { Fleet } from '../../core/fleet.ts';
import { nodeNames, planNode } from '../../core/node-plan.ts';
import { hostAndPort } from '../options.ts';
import { EXIT } from '../program.ts';
import type { ProvisionPorts } from '../provisioning/audited.ts';
import { ownRequest, readRequest } from '../provisioning/device-folder.ts';
import { type ListedDevice, listDevices } from '../provisioning/list-devices.ts';
import { provisionDevice } from '../provisioning/provision-device.ts';
import { ProvisionError } from '../provisioning/provision-error.ts';
import { certificatesToRevoke, revokeCertificate } from '../provisioning/revoke-device.ts';
import { textTable } from '../table.ts';
import { loadFleetOrReport } from './fleet-option.ts';
import { type CsrOptions, planOf } from './run-csr.ts';

/** Whose account. */
export interface AccountOptions {
  region?: string;
  profile?: string;
}
/** Options of `headwater provision device`. */
export interface DeviceOptions extends CsrOptions, AccountOptions {
  csr?: string;
  endpointAddress?: string;
  ca?: string;
  json?: true;
  data: string;
}
/** Options of `headwater provision list`. */
export interface ListOptions extends AccountOptions {
  fleet?: string;
  json?: true;
}
/** Options of `headwater provision revoke`. */
export interface RevokeOptions extends AccountOptions {
  fleet?: string;
  yes?: true;
  data: string;
}

/** Registers a node and writes its folder. */
export async function runDevice(node: string, options: DeviceOptions): Promise<void> {
  const fleet = await loadFleetOrReport(options.fleet);
  if (!fleet) return;
  const { site, uplinks } = planOf(fleet, options.fleet, node);
  const declared = uplinks.find((uplink) => uplink.type === 'iot-core');
  const iotCore = declared ?? { endpoint: undefined, port: 8883 };
  const given =
    options.endpointAddress === undefined ? undefined : hostAndPort('--endpoint-address', options.endpointAddress);
  const roots = options.ca === undefined ? amazonRoots() : await readRoots(options.ca);
  const request =
    options.csr === undefined ? await ownRequest(options.out, node) : await readRequest(options.csr, node);
  const { steps, otherCertificates, ...done } = await provisionDevice(portsOf(options), {
    node,
    fleet: fleet.name,
    site,
    request,
    directory: options.out,
    roots,
    endpoint: { host: given?.host ?? iotCore.endpoint, port: given?.port ?? iotCore.port },
  });
  if (options.json) {
    const result = { node, fleet: fleet.name, directory: options.out, ...done, changes: steps, otherCertificates };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    const { host, port } = done.endpoint;
    for (const step of steps) process.stdout.write(`${step}\n`);
    process.stdout.write(
      `${steps.length === 0 ? 'nothing to do: ' : ''}${node} may connect to ${host}:${port} with certificate ${done.certificateId}\nnext: carry ${options.out} to the node${options.csr === undefined ? '' : ', beside its node.key'}; there: headwater node ${options.fleet} --node ${node} --credentials DIR\n`,
    );
  }
  for (const id of otherCertificates) {
    process.stderr.write(`another certificate lets a device in as ${node}: ${id} (an earlier one of it?)\n`);
  }
  if (!declared) {
    process.stderr.write(
      `${options.fleet}: the uplink is a hub; the node uses IoT Core once it is "uplink: [{ type: iot-core }]"\n`,
    );
  }
}

/** Prints what is registered. */
export async function runList({ fleet: file, json, ...account }: ListOptions): Promise<void> {
  const fleet = file === undefined ? undefined : await loadFleetOrReport(file);
  if (file !== undefined && !fleet) return;
  const devices = await listDevices(createIotRegistry(account), fleet && { fleet: fleet.name, sites: sitesOf(fleet) });
  if (json) process.stdout.write(`${JSON.stringify(devices, null, 2)}\n`);
  else if (devices.length === 0) process.stdout.write('no node is registered in this account and region\n');
  else process.stdout.write(textTable(['node', 'fleet', 'site', 'state', 'certificates'], devices.map(rowOf)));
}

const rowOf = ({ node, fleet, site, state, certificates }: ListedDevice): string[] => [
  node,
  fleet,
  site,
  state,
  certificates.map(({ id, status }) => `${status} ${id}`).join(', '),
];

/** Shuts a node out. */
export async function runRevoke(node: string, options: RevokeOptions): Promise<void> {
  const given = options.fleet === undefined ? undefined : await loadFleetOrReport(options.fleet);
  if (options.fleet !== undefined && !given) return;
  const ports = portsOf(options);
  const { fleet, arns } = await certificatesToRevoke(ports, node, given?.name);
  if (arns.length === 0) {
    process.stdout.write(`nothing to do: no certificate is attached to ${node} of fleet ${fleet}\n`);
    return;
  }
  const ids = arns.map(certificateIdOf);
  if (!options.yes) {
    process.stderr.write(
      `headwater: this revokes for good, and detaches, of ${node} in fleet ${fleet}: ${ids.join(', ')}; add --yes to do it\n`,
    );
    process.exitCode = EXIT.problem;
    return;
  }
  for (const arn of arns) await revokeCertificate(ports, node, arn);
  process.stdout.write(
    `${node} of fleet ${fleet} is shut out: revoked and detached ${ids.join(', ')}\nIoT Core ends its connection within minutes; what the node has not delivered stays in its journal\n`,
  );
}

const sitesOf = (fleet: Fleet): Map<string, string> =>
  new Map(nodeNames(fleet, { demo: false }).map((name) => [name, planNode(fleet, name, { demo: false })!.site]));

async function readRoots(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new ProvisionError(`--ca ${path} cannot be read: ${error.message}`);
  });
  if (!parseRoots(text)) throw new ProvisionError(`--ca ${path} holds no readable PEM certificates`);
  return text;
}

function portsOf({ data, region, profile }: AccountOptions & { data: string }): ProvisionPorts {
  return {
    registry: createIotRegistry({ region, profile }),
    audit: openAuditFile(join(data, 'provision'), systemClock, createStderrLogger('warn')),
    actor: operatorName(),
    nowMs: () => systemClock.wallMs(),
  };
}

/** A container may run under an id that has no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
