import { certificateIdOf } from '../../core/device-registry.ts';
import { audited, type ProvisionPorts } from './audited.ts';
import { ProvisionError } from './provision-error.ts';

/**
 * The certificates of a node's thing.
 *
 * @param expected the fleet that it must be of; default: any
 * @throws ProvisionError if there is no such thing, or it is another's
 */
export async function certificatesToRevoke(
  { registry }: Pick<ProvisionPorts, 'registry'>,
  node: string,
  expected?: string,
): Promise<{ fleet: string; arns: string[] }> {
  const thing = await registry.findThing(node);
  if (!thing) throw new ProvisionError(`no thing ${node} in this account and region: see "headwater provision list"`);
  const { fleet } = thing.attributes;
  if (fleet === undefined) {
    throw new ProvisionError(`thing ${node} was made by something else than Headwater (it has no attribute "fleet")`);
  }
  if (expected !== undefined && fleet !== expected) {
    throw new ProvisionError(
      `thing ${node} belongs to fleet ${fleet}, not to ${expected}: give the file of that fleet`,
    );
  }
  return { fleet, arns: await registry.certificatesOf(node) };
}

/**
 * Takes the right to connect away from a certificate, then its policies, then its thing: what matters most comes first,
 * and as long as it is attached to the thing another run finds it.
 */
export async function revokeCertificate(ports: ProvisionPorts, node: string, arn: string): Promise<void> {
  const { registry } = ports;
  const id = certificateIdOf(arn);
  const target = `${node} ${id}`;
  if ((await registry.findCertificate(id))?.status !== 'REVOKED') {
    await audited(ports, 'revoke-certificate', target, () => registry.revoke(id));
  }
  for (const policy of await registry.policiesOf(arn)) {
    await audited(ports, 'detach-policy', target, () => registry.detachPolicy(policy, arn));
  }
  await audited(ports, 'detach-certificate', target, () => registry.detachFromThing(arn, node));
}
