import type { Audit } from '../core/ports.ts';

const REPORT_EVERY_MS = 60_000;

/** Puts the first refusal of a reason on record, then one a minute with the number left out: a page could ask all day. */
export function createRefusedRequests(audit: Audit, nowMs: () => number): (reason: string, target: string) => void {
  const told = new Map<string, { atMs: number; untold: number }>();
  return (reason, target) => {
    const last = told.get(reason);
    if (last && nowMs() - last.atMs < REPORT_EVERY_MS) {
      last.untold += 1;
      return;
    }
    told.set(reason, { atMs: nowMs(), untold: 0 });
    const more = last && last.untold > 0 ? ` (and ${last.untold} more since the last report)` : '';
    audit.record({ actor: 'http', action: 'request', target, outcome: 'refused', reason: `${reason}${more}` });
  };
}
