import type { Mutant } from './mutant.ts';

/** Bugs of delivering to several far sides. */
export const FAILOVER_MUTANTS: readonly Mutant[] = [
  {
    name: 'failover: attribute to the last one what others acknowledged',
    file: 'core/far-sides.ts',
    find: 'const rest = subtract(delivered, elsewhereIn(elsewhere, lane));',
    replace: 'const rest = delivered;',
    focus: 'failover',
  },
  {
    name: 'failover: do not note that another one answers',
    file: 'greengrass-components/forward/far-side-watch.ts',
    find: 'noteOtherFarSide(state, { from: present, to: id }, retiredDelivered());',
    replace: '',
    focus: 'failover',
  },
  {
    name: 'failover: think that the other one knows what was given up',
    file: 'core/forward/state.ts',
    find: 'lane.fates = { ...lane.fates, stated: NO_RANGES };',
    replace: '',
    focus: 'failover,contract',
  },
  {
    name: 'failover: stay with one that is silent',
    file: 'core/failover.ts',
    find: `if (turn.now >= silentUntil(turn)) return 'silent';`,
    replace: '',
    focus: 'failover',
  },
  {
    name: 'failover: stay with one that cannot be reached',
    file: 'core/failover.ts',
    find: `if (turn.now >= awayUntil(turn)) return 'unreachable';`,
    replace: '',
    focus: 'failover',
  },
];
