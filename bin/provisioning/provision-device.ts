import { fleetGroupNameOf, nodePolicyNameOf, siteGroupNameOf } from '../../core/cloud-names.ts';
import { certificateIdOf, type RegisteredCertificate } from '../../core/device-registry.ts';
import { audited, type ProvisionPorts } from './audited.ts';
import { findCertificate } from './device-certificate.ts';
import { type NodeRequest, writeCertificate, writeSurroundings } from './device-folder.ts';
import { ProvisionError } from './provision-error.ts';

export interface DeviceRequest {
  node: string;
  fleet: string;
  site: string;
  /** For the node's key, which may lie elsewhere. */
  request: NodeRequest;
  /** Where ca.crt, node.crt and uplink.json go. */
  directory: string;
  /** PEM of the roots that certify the endpoint. */
  roots: string;
  /** Default host: what the account says. */
  endpoint: { host: string | undefined; port: number };
}

export interface ProvisionedDevice {
  certificateId: string;
  endpoint: { host: string; port: number };
  /** What was done; empty if all was there. */
  steps: string[];
  /** Other certificates that let a device in under this name. */
  otherCertificates: string[];
}

/**
 * Registers a plain node: thing, group of its site, certificate, policy; then writes its folder. Each step looks first
 * whether it is done, so a run that was cut off is finished by the next, and one more changes nothing. The certificate
 * lets nobody in before the policy is attached, and the thing's name is not its before the thing is: both come last.
 *
 * @throws ProvisionError, RegistryError
 */
export async function provisionDevice(ports: ProvisionPorts, device: DeviceRequest): Promise<ProvisionedDevice> {
  const { registry } = ports;
  const { node, fleet } = device;
  const policy = nodePolicyNameOf(fleet);
  if (!(await registry.hasPolicy(policy))) {
    throw new ProvisionError(
      `fleet ${fleet} is not deployed in this account and region (no IoT policy ${policy}): run "headwater deploy" first, or correct --region and --profile`,
    );
  }
  const steps: string[] = [];
  const step = async <T>(text: string, action: string, act: () => Promise<T>, target: string = node): Promise<T> => {
    const result = await audited(ports, action, target, act);
    steps.push(text);
    return result;
  };
  await keepThing(ports, device, step);
  const attached = await registry.certificatesOf(node);
  const found = await findCertificate(ports, device, attached);
  const certificate =
    found ??
    (await step('certificate made', 'create-certificate', () => registry.createCertificate(device.request.csr)));
  if (!found || found.isNewHere) await writeCertificate(device.directory, certificate.pem);
  if (!(await registry.policiesOf(certificate.arn)).includes(policy)) {
    await step(`policy ${policy} attached`, 'attach-policy', () => registry.attachPolicy(policy, certificate.arn));
  }
  if (!attached.includes(certificate.arn)) {
    await step('certificate attached to the thing', 'attach-certificate', () =>
      registry.attachToThing(certificate.arn, node),
    );
  }
  const endpoint = { host: device.endpoint.host ?? (await registry.findEndpoint()), port: device.endpoint.port };
  const note = { type: 'iot-core' as const, endpoint: endpoint.host, port: endpoint.port, fleet };
  for (const name of await writeSurroundings(device.directory, device.roots, note)) steps.push(`${name} written`);
  const others = attached.filter((arn) => arn !== certificate.arn);
  return { certificateId: certificate.id, endpoint, steps, otherCertificates: await activeOf(ports, others) };
}

type Step = (text: string, action: string, act: () => Promise<void>) => Promise<void>;

async function keepThing(ports: ProvisionPorts, { node, fleet, site }: DeviceRequest, step: Step): Promise<void> {
  const { registry, audit, actor } = ports;
  const thing = await registry.findThing(node);
  const attributes = { fleet, site };
  if (!thing) {
    await step(`thing ${node} made`, 'create-thing', () => registry.createThing({ name: node, attributes }));
  } else if (thing.attributes.fleet !== fleet) {
    const owner = thing.attributes.fleet;
    audit.record({ actor, action: 'provision', target: node, outcome: 'refused', reason: 'foreign-thing' });
    throw new ProvisionError(
      owner === undefined
        ? `thing ${node} was made by something else than Headwater (it has no attribute "fleet"): rename the node`
        : `thing ${node} belongs to fleet ${owner}, not to ${fleet}: names of things are unique in an account and region; rename the node`,
    );
  } else if (thing.attributes.site !== site) {
    await step(`site is ${site} now`, 'move-thing', () => registry.setAttributes({ name: node, attributes }));
  }
  const group = siteGroupNameOf(fleet, site);
  const groups = thing ? await registry.groupsOf(node) : [];
  if (!groups.includes(group)) {
    await step(`in group ${group}`, 'add-to-group', () => registry.addToGroup(node, group));
  }
  for (const left of groups.filter((name) => name !== group && name.startsWith(`${fleetGroupNameOf(fleet)}:`))) {
    await step(`no longer in group ${left}`, 'remove-from-group', () => registry.removeFromGroup(node, left));
  }
}

async function activeOf({ registry }: ProvisionPorts, arns: readonly string[]): Promise<string[]> {
  const found: (RegisteredCertificate | undefined)[] = [];
  for (const arn of arns) found.push(await registry.findCertificate(certificateIdOf(arn)));
  return found.flatMap((certificate) => (certificate?.status === 'ACTIVE' ? [certificate.id] : []));
}
