import { expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { newForwardState } from '../../../core/forward/state.ts';
import { emptyFateBook, enterOutcomes, type Outcome } from '../../../core/lane-fates.ts';
import { createLaneAccount, lanesAtOpening } from '../../../greengrass-components/forward/lane-account.ts';
import type { JournalOpening } from '../../../journal/journal-port.ts';
import { EPOCH_A, EPOCH_B } from '../../helpers/envelopes.ts';

test('lanes are forgotten once all has its fate, and their records are counted on, over restarts too', () => {
  const fates = emptyFateBook();
  fates.retired[2]!.delivered = 30;
  const outcome = (from: number, to: number, fate: 'delivered' | 'expired' | 'stated'): Outcome => ({
    epoch: EPOCH_A,
    lane: 1,
    from,
    to,
    fate,
  });
  enterOutcomes(fates, [outcome(0, 5, 'delivered'), outcome(5, 7, 'expired')]);
  const opening = { epoch: EPOCH_B, epochs: [], fates, enqueued: [0, 7, 30, 0], damages: 0 };
  const state = newForwardState(lanesAtOpening(opening as unknown as JournalOpening));
  const account = createLaneAccount(state, opening as unknown as JournalOpening, createMemoryLogger());
  expect(state.forgotten).toBe(30);
  account.retireFinished();
  const names = () => state.lanes.filter(({ end }) => end > 0).map(({ lane }) => lane);
  expect([names(), state.forgotten]).toEqual([[1], 30]); // nobody took down yet what expired
  const [lane] = state.lanes.filter(({ end }) => end > 0);
  lane!.fates = { ...lane!.fates, stated: [{ from: 5, to: 7 }] };
  account.retireFinished();
  expect([names(), state.forgotten]).toEqual([[], 37]);
});
