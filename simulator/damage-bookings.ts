import { sumOf } from '../core/ledger.ts';
import { emptyState, type ModelState } from './model-state.ts';

/** As in the node's own ledger: readings whose counters were in a lost block. */
export const DAMAGED = '(damaged)';

/** The node books as kept what it knows to have existed without knowing what it was. */
export function damageBookings(recovered: ModelState, enqueued: readonly number[]): ModelState {
  const booked = emptyState();
  let collected = 0;
  for (const counts of recovered.sources.values()) collected -= counts.collected - sumOf(counts.refused);
  for (const { filtered, kept, local } of recovered.streams.values()) collected += filtered + kept + local;
  enqueued.forEach((total, lane) => {
    let kept = 0;
    for (const [name, counts] of recovered.streams) if (name.endsWith(`/${lane}`)) kept += counts.kept;
    if (total <= kept) return;
    collected += total - kept;
    const stream = recovered.streams.get(`${DAMAGED}/${lane}`);
    booked.streams.set(`${DAMAGED}/${lane}`, { filtered: 0, local: 0, kept: (stream?.kept ?? 0) + total - kept });
  });
  if (collected === 0) return booked;
  const source = structuredClone(recovered.sources.get(DAMAGED)) ?? { collected: 0, refused: {} };
  if (collected > 0) source.collected += collected;
  else source.refused['journal-failed'] = (source.refused['journal-failed'] ?? 0) - collected;
  booked.sources.set(DAMAGED, source);
  return booked;
}
