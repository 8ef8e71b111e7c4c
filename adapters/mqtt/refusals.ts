import type { Audit, Clock, Logger } from '../../core/ports.ts';

/** Of one kind and client, log and audit say one thing at most this often: an attacker must not fill the disk. */
export const REPORT_EVERY_MS = 60_000;
/** Kinds and clients told apart; beyond that they are reported together. */
const MAX_TOLD_APART = 1_000;

export interface RefusalLedger<Reason extends string> {
  /** @param client the proven name, else the address */
  note(reason: Reason, client: string, detail: string): void;
  /** Every refusal since the start, reported or not. */
  counts(): Record<Reason, number>;
}

interface Told {
  atMs: number;
  untold: number;
}

/**
 * Counts every refusal, and writes the first of each kind and client, then one a minute with the number left out.
 *
 * @param target what refuses, for the audit
 */
export function createRefusalLedger<Reason extends string>(
  ports: { logger: Logger; audit: Audit; clock: Clock },
  reasons: readonly Reason[],
  target: string,
): RefusalLedger<Reason> {
  const counts = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
  const told = new Map<string, Told>();

  function note(reason: Reason, client: string, detail: string): void {
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
      target,
      outcome: 'refused',
      reason: `${reason}${more}`,
    });
  }

  return { note, counts: () => ({ ...counts }) };
}
