import { NOWHERE_ELSE } from '../../core/far-sides.ts';
import { type ForwardState, noteOtherFarSide } from '../../core/forward/state.ts';
import type { FateBook } from '../../core/lane-fates.ts';
import type { Logger, Uplink } from '../../core/ports.ts';

/** What the watch needs of the forwarder. */
export interface FarSideWatchPorts {
  uplink: Uplink;
  logger: Logger;
  /** Delivered records of forgotten lanes, by priority. */
  retiredDelivered: () => number[];
  /** Keeps it. */
  note: (id: string, uplink: string) => void;
}

/**
 * Watches who answers. Another id is another store, and nothing is presumed known there. Over another uplink that is as
 * it should be; over the same one the store was replaced, and what it should have had must be seen to by people.
 *
 * @returns to be called with the id in each answer, before anything else of the answer is looked at
 */
export function watchFarSide(
  { uplink, logger, retiredDelivered, note }: FarSideWatchPorts,
  state: ForwardState,
  book: FateBook,
): (id: string) => void {
  let present = book.farSide;
  const byUplink = { ...book.uplinks };
  state.elsewhere = book.elsewhere ?? NOWHERE_ELSE;

  return (id) => {
    const way = uplink.using();
    const before = byUplink[way];
    if (id === present && id === before) return;
    if (before !== undefined && before !== id) {
      logger.error(
        { before, now: id, uplink: way },
        'forward: the far side has another store; what was delivered is not in it',
      );
    } else if (present !== undefined && present !== id) {
      logger.warn({ before: present, now: id, uplink: way }, 'forward: another far side has the records from now on');
    }
    if (present !== undefined && present !== id) {
      noteOtherFarSide(state, { from: present, to: id }, retiredDelivered());
    }
    present = id;
    byUplink[way] = id;
    note(id, way);
  };
}
