import { laneKeyText } from '../../core/identity.ts';
import { PRIORITIES, priorityOf } from '../../core/priority.ts';
import { countOf, within } from '../../core/ranges.ts';
import type { Difference, NodeIndex } from './env.ts';

/**
 * Where the counts of one node contradict each other (docs/adr/0010-cloud-store.md):
 * - the counters, which count rows, and the index, which covers positions, are changed by the same transactions;
 * - what the node was told is stored is in the index. The other way round nothing can be said: what is stored and not
 *   in the node's statement may have its acknowledgement on the way.
 */
export function differencesOf({ counts, lanes }: NodeIndex): Difference[] {
  const counters = PRIORITIES.flatMap((priority): Difference[] => {
    const ofPriority = lanes.filter(({ key }) => priorityOf(key.lane) === priority);
    const covered = ofPriority.reduce((sum, { stored }) => sum + countOf(stored), 0);
    const records = Math.abs(counts[priority] - covered);
    const detail = `${counts[priority]} records counted, ${covered} positions in the index`;
    return records === 0 ? [] : [{ priority, records, detail }];
  });
  const statements = lanes.flatMap(({ key, stored, stated }): Difference[] => {
    if (stated === undefined) return [];
    const { upTo, delivered } = stated;
    const found = countOf(within(stored, { from: 0, to: upTo }));
    const detail = `${laneKeyText(key)}: ${delivered} acknowledged below position ${upTo}, ${found} in the index`;
    return delivered <= found ? [] : [{ priority: priorityOf(key.lane), records: delivered - found, detail }];
  });
  return [...counters, ...statements];
}
