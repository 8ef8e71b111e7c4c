import type { Filter } from './filter.ts';

/** Keeps everything. */
export const noneFilter: Filter<null> = {
  step: (_state, reading) => ({ state: null, kept: [reading], filtered: 0, absorbed: 0, held: 0 }),
};
