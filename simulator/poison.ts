import { isEnvelope, peekIdentity } from '../core/envelope-codec.ts';
import { encodeAnswers, type RetryableRefusal } from '../core/messages.ts';
import type { Lane } from '../core/priority.ts';

/** Records that the far side refuses, whatever envelope they come in, until somebody has mended it. */
export interface Poison {
  lane: Lane;
  /** One position of so many is poisoned. */
  every: number;
  reason: RetryableRefusal;
}

/** What the far side says to an envelope with poison in it; undefined = it has nothing against the message. */
export function refusalOf(poison: Poison | undefined, farSide: string, payload: Uint8Array): Uint8Array[] | undefined {
  const identity = poison && isEnvelope(payload) ? peekIdentity(payload) : undefined;
  if (!poison || !identity || identity.lane !== poison.lane) return undefined;
  const { producer, epoch, lane, from, to } = identity;
  const next = Math.ceil(from / poison.every) * poison.every;
  if (next >= to) return undefined;
  return encodeAnswers(farSide, [{ type: 'refused', producer, epoch, lane, from, to, reason: poison.reason }]);
}
