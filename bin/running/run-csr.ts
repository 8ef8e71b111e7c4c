import type { Fleet } from '../../core/fleet.ts';
import { type NodePlan, nodeNames, planNode } from '../../core/node-plan.ts';
import { nearNames } from '../near-names.ts';
import { ownRequest, writeRequest } from '../provisioning/device-folder.ts';
import { ProvisionError } from '../provisioning/provision-error.ts';
import { loadFleetOrReport } from './fleet-option.ts';

/** Options of `headwater provision csr`. */
export interface CsrOptions {
  fleet: string;
  out: string;
}

/** Makes a node's key and request, on the node: nothing of AWS is loaded. */
export async function runCsr(node: string, { fleet: file, out }: CsrOptions): Promise<void> {
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  planOf(fleet, file, node);
  const path = await writeRequest(out, await ownRequest(out, node));
  process.stdout.write(
    `${path} written; node.key stays on this machine\nnext, where the AWS credentials are: headwater provision device ${node} --fleet ${file} --csr node.csr --out ${node}\n`,
  );
}

/** @throws ProvisionError that names the names most like it, if the fleet has no such node */
export function planOf(fleet: Fleet, file: string, node: string): NodePlan {
  const plan = planNode(fleet, node, { demo: false });
  if (plan) return plan;
  const names = nodeNames(fleet, { demo: false });
  const near = nearNames(node, names);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `it has ${names.slice(0, 3).join(', ')} …`;
  throw new ProvisionError(`no node "${node}" in ${file}: ${hint}`);
}
