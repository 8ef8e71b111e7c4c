import type { Mutant } from './mutant.ts';

/** Bugs of connecting only at certain times. */
export const WINDOWS_MUTANTS: readonly Mutant[] = [
  {
    name: 'windows: send although they are closed',
    file: 'core/forward/sends.ts',
    find: 'const windows = state.synced ? budget.windows : [];',
    replace: 'const windows: typeof budget.windows = [];',
    focus: 'windows',
  },
  {
    name: 'windows: forget to connect when one opens',
    file: 'greengrass-components/forward/link-need.ts',
    find: '      if (now < opensAt) return opensAt;',
    replace: '      if (now < opensAt || Number.isFinite(need.gate.untilMs)) return opensAt;',
    focus: 'windows',
  },
  {
    name: 'windows: sleep through the opening',
    file: 'greengrass-components/forward/link-need.ts',
    find: `    if (need.for === 'nothing') {
      opensAt = undefined;
      return gateEndsAt;
    }`,
    replace: `    if (need.for === 'nothing') {
      opensAt = undefined;
      return Number.POSITIVE_INFINITY;
    }`,
    focus: 'windows',
  },
];
