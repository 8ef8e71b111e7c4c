import { dirname, join } from 'node:path';
import { openAuditFile } from '../../adapters/embedded/audit-file.ts';
import { createStderrLogger } from '../../adapters/embedded/pino-logger.ts';
import { openPki } from '../../adapters/embedded/pki.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { listenerFolder } from '../../adapters/sources/listen/listener-credentials.ts';
import { clientRights, type ListenPlan } from '../../core/listen/client-rights.ts';
import { ProvisionError } from '../provisioning/provision-error.ts';
import { loadFleetOrReport } from './fleet-option.ts';
import { planOf } from './run-csr.ts';

/** Options of `headwater provision listener`. */
export interface ListenerOptions {
  fleet: string;
  host: string;
  out?: string;
}

/** Makes the certificates of a node's listening ports and of everything that may connect to them. */
export async function runProvisionListener(node: string, { fleet: file, host, out }: ListenerOptions): Promise<void> {
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  const { sources } = planOf(fleet, file, node);
  const plans = sources.filter((source): source is ListenPlan => source.config.type === 'listen');
  if (plans.length === 0) {
    throw new ProvisionError(`node "${node}" in ${file} has no device group with "source: { type: listen }"`);
  }
  const logger = createStderrLogger('warn');
  for (const [folder, groups] of byFolder(plans, (plan) => out ?? folderOf(plan, node, file))) {
    const clients = [...clientRights(groups).clients].sort();
    await openPki(
      {
        directory: folder,
        nowMs: () => systemClock.wallMs(),
        logger,
        audit: openAuditFile(folder, systemClock, logger),
      },
      { host, nodes: clients, server: 'listener' },
    );
    process.stdout.write(
      `${folder}: listener.crt for ${host}, ${clients.length} devices and gateways in ${join(folder, 'credentials')}\n`,
    );
  }
  process.stdout.write(
    'next: carry listener.crt, listener.key and ca.crt to the node if it is another machine (not ca.key), and the folder of each device to the device\n',
  );
}

const folderOf = ({ config }: ListenPlan, node: string, file: string): string =>
  listenerFolder(config.credentials, node, dirname(file));

function byFolder(plans: readonly ListenPlan[], folder: (plan: ListenPlan) => string): Map<string, ListenPlan[]> {
  const groups = new Map<string, ListenPlan[]>();
  for (const plan of plans) groups.set(folder(plan), [...(groups.get(folder(plan)) ?? []), plan]);
  return groups;
}
