import { statementOf } from '../../core/forward/plan.ts';
import { gateOf } from '../../core/forward/sends.ts';
import type { ForwardSettings } from '../../core/forward/settings.ts';
import type { ForwardState } from '../../core/forward/state.ts';
import { encodeQuestion } from '../../core/messages.ts';
import type { Clock } from '../../core/ports.ts';

const LAST_WORD_MS = 2_000;

/**
 * States the counts at a stop, so that the far side's ledger does not stay a minute behind. If the statement is lost, the
 * next start says it again.
 *
 * @param say sends a bulk message
 */
export async function sayLastCounts(
  clock: Clock,
  state: ForwardState,
  settings: ForwardSettings,
  say: (message: Uint8Array) => Promise<void>,
): Promise<void> {
  const statement = statementOf(state);
  const { others } = gateOf(state, clock.monotonicMs(), settings);
  if (!state.link || state.far !== 'up' || !others) return;
  const sent = say(encodeQuestion(statement)).catch(() => undefined);
  await Promise.race([sent, new Promise<void>((resolve) => clock.after(LAST_WORD_MS, resolve))]);
}
