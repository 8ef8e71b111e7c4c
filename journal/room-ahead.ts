/** A step that a file grows by at most, and as a share of what it may become. */
const STEP_BYTES = 128 * 1024;
const STEP_SHARE = 1 / 8;
/** So many steps before its end it gets the rest at once: only a file of full length can be used again. */
const LAST_STEPS = 2;

/** What is written to a file of so many bytes; it may become `limit` bytes long. */
export interface Growth {
  from: number;
  to: number;
  fileBytes: number;
  limit: number;
}

/**
 * How many zeros to write behind it. A write that makes a file longer costs a flush of the file system's own notes; so a
 * file grows in steps, and what follows is written over zeros. A step is as long as the file at most: one that stays
 * short takes up little. A write longer than a step gains nothing by it.
 */
export function roomAhead({ from, to, fileBytes, limit }: Growth): number {
  if (to <= fileBytes || to >= limit) return 0;
  const step = Math.min(to, STEP_BYTES, Math.floor(limit * STEP_SHARE));
  const rest = limit - to;
  if (rest <= LAST_STEPS * Math.max(step, to - from)) return rest;
  return to - from > step ? 0 : step;
}
