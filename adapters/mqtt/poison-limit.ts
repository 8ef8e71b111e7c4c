import type { Clock } from '../../core/ports.ts';

/** An honest node sends hardly any; each costs the store a row, and all nodes share it. */
export const MAX_POISON_PER_MINUTE = 100;
const MINUTE_MS = 60_000;

/**
 * Counts messages put aside, by node and minute.
 *
 * @returns call it for each; true = that was one too many, the connection has to go. A new connection brings no new
 * allowance: only the next minute does
 */
export function createPoisonLimit(clock: Clock): (node: string) => boolean {
  const windows = new Map<string, { sinceMs: number; messages: number }>();
  return (node) => {
    const nowMs = clock.monotonicMs();
    const last = windows.get(node);
    const window = last && nowMs - last.sinceMs < MINUTE_MS ? last : { sinceMs: nowMs, messages: 0 };
    windows.set(node, window);
    window.messages += 1;
    return window.messages > MAX_POISON_PER_MINUTE;
  };
}
