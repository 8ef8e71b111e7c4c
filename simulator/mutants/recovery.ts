import type { Mutant } from './mutant.ts';

/** Bugs of opening and reading. */
export const RECOVERY_MUTANTS: readonly Mutant[] = [
  {
    name: 'use an epoch again after a restart',
    file: 'journal/opening.ts',
    find: 'const epoch = epochOf(setup.random.u64());',
    replace: "const epoch = epochOf(BigInt('0x1234567812345678'));",
  },
  {
    name: 'read one position too far',
    file: 'journal/carried-part.ts',
    find: 'offsetAfter(bytes, from - first);',
    replace: 'offsetAfter(bytes, from - first + (to - from > 1 ? 1 : 0));',
  },
  {
    name: 'forget at opening what was carried on',
    file: 'journal/recovery.ts',
    find: 'growSpanByCarried(span, decodeCarried(carried));',
    replace: 'void decodeCarried;',
    focus: 'crash',
  },
  {
    name: 'forget that a damaged block held records',
    seldom: true,
    file: 'journal/recovery.ts',
    find: 'growSpanTo(span, commit.positions);',
    replace: '',
    focus: 'rot,crash',
  },
  {
    name: 'let a failed commit come back when the head that cut it off rots',
    seldom: true,
    file: 'journal/recovery.ts',
    find: 'if (commit.number < (firstNumbers.get(epoch) ?? Number.POSITIVE_INFINITY)) {',
    replace: 'if (firstNumbers.size >= 0) {',
    focus: 'rot,crash,diskTrouble',
  },
];
