import type { Audit, Clock, Logger } from '../../core/ports.ts';
import { BROKER_REFUSALS, type BrokerRefusal } from './admission.ts';

/** Of one kind and client, log and audit say one thing at most this often: an attacker must not fill the disk. */
export const REPORT_EVERY_MS = 60_000;
/** Kinds and clients told apart; beyond that they are reported together. */
const MAX_TOLD_APART = 1_000;

export interface RefusalLedger {
  /** @param client the proven name, else the address */
  note(reason: BrokerRefusal, client: string, detail: string): void;
  /** Every refusal since the start, reported or not. */
  counts(): Record<BrokerRefusal, number>;
}

interface Told {
  atMs: number;
  untold: number;
}

/** Counts every refusal, and writes the first of each kind and client, then one a minute with the number left out. */
export function createRefusalLedger(ports: { logger: Logger; audit: Audit; clock: Clock }): RefusalLedger {
  const counts = Object.fromEntries(BROKER_REFUSALS.map((reason) => [reason, 0])) as Record<BrokerRefusal, number>;
  const told = new Map<string, Told>();

  function note(reason: BrokerRefusal, client: string, detail: string): void {
    counts[reason] += 1;
    const exact = `${reason} ${client}`;
    const key = told.has(exact) || told.size < MAX_TOLD_APART ? exact : reason;
    const nowMs = ports.clock.monotonicMs();
    const last = told.get(key);
    if (last && nowMs - last.atMs < REPORT_EVERY_MS) {
      last.untold += 1;
      return;
    }
    told.set(key, { atMs: nowMs, untold: 0 });
    const untold = last?.untold ?? 0;
    ports.logger.warn({ reason, client, detail, untold }, 'refused');
    const more = untold > 0 ? ` (and ${untold} more since the last report)` : '';
    ports.audit.record({
      actor: client,
      action: 'mqtt',
      target: 'hub',
      outcome: 'refused',
      reason: `${reason}${more}`,
    });
  }

  return { note, counts: () => ({ ...counts }) };
}
