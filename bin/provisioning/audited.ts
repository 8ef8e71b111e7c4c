import { type DeviceRegistry, RegistryError } from '../../core/device-registry.ts';
import type { Audit } from '../../core/ports.ts';

/** What provisioning works with. */
export interface ProvisionPorts {
  registry: DeviceRegistry;
  audit: Audit;
  /** Who does it, for the audit log. */
  actor: string;
  /** ms since 1970 */
  nowMs: () => number;
}

/** Does something to the registry and writes it down, also when it is refused. */
export async function audited<T>(
  { audit, actor }: ProvisionPorts,
  action: string,
  target: string,
  act: () => Promise<T>,
): Promise<T> {
  try {
    const result = await act();
    audit.record({ actor, action, target, outcome: 'allowed' });
    return result;
  } catch (error) {
    if (error instanceof RegistryError) {
      audit.record({ actor, action, target, outcome: 'refused', reason: error.reason });
    }
    throw error;
  }
}
