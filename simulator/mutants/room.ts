import type { Mutant } from './mutant.ts';

/** Bugs of how room is made. */
export const ROOM_MUTANTS: readonly Mutant[] = [
  {
    name: 'recycle without syncing the forward log',
    file: 'journal/make-room.ts',
    find: 'await ballast.withRoom(() => forward.sync());',
    replace: 'void ballast;',
  },
  {
    name: 'recycle the last two segments too',
    file: 'journal/spans.ts',
    find: `    .slice(0, -2)
    .filter(
`,
    replace: `    .slice(0, -1)
    .filter(
`,
    focus: 'rot,crash',
  },
  {
    name: 'evict the oldest, whatever its class',
    file: 'journal/room.ts',
    find: '(a.lane === b.lane ? a.ageMs < b.ageMs : a.lane > b.lane)',
    replace: '(a.ageMs < b.ageMs)',
  },
  {
    name: 'evict without telling the forwarder',
    file: 'edge/node.ts',
    find: 'if (result.evicted.length > 0) forwarder()?.evicted(result.evicted);',
    replace: '',
  },
  {
    name: 'empty a segment without carrying on its last records',
    file: 'journal/make-room.ts',
    find: 'if (parts.length > 0) await carry(journal, parts);',
    replace: '',
  },
  {
    name: 'evict the most important class first',
    file: 'journal/room.ts',
    find: 'a.lane > b.lane',
    replace: 'a.lane < b.lane',
    focus: 'farDeaf,partition',
  },
  {
    name: 'evict critical too',
    file: 'journal/room.ts',
    find: 'Math.max(1, from)',
    replace: 'from',
    focus: 'farDeaf,partition',
  },
  {
    name: 'admit a commit by the most important of its records',
    file: 'journal/quota.ts',
    find: 'a > b ? a : b',
    replace: 'a < b ? a : b',
    focus: 'farDeaf,partition',
  },
];
