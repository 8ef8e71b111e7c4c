import type { Mutant } from './mutant.ts';

/** Bugs of dead letters. */
export const DEAD_LETTERS_MUTANTS: readonly Mutant[] = [
  {
    name: 'dead letters: replay without the records',
    file: 'journal/dead-letters.ts',
    find: 'if (again.length > 0) await carry(journal, again);',
    replace: '',
    focus: 'contract,deadLetters',
  },
  {
    name: 'dead letters: do not tell the forwarder what is replayed',
    file: 'edge/node.ts',
    find: 'forwarder.disinterred(done);',
    replace: '',
    focus: 'contract,deadLetters',
  },
  {
    name: 'dead letters: note a replay before the records are in the queue',
    seldom: true,
    file: 'journal/dead-letters.ts',
    find: `    if (again.length > 0) await carry(journal, again);
    return (await finish([entry], 'replayed')) as Extract<Outcome, { fate: 'replayed' }>[];`,
    replace: `    const noted = (await finish([entry], 'replayed')) as Extract<Outcome, { fate: 'replayed' }>[];
    if (again.length > 0) await carry(journal, again);
    return noted;`,
    focus: 'contract,deadLetters',
  },
  {
    name: 'dead letters: do not send what is replayed',
    file: 'core/forward/dead-letters.ts',
    find: 'lane.toSend = addRanges(lane.toSend, again);',
    replace: '',
    focus: 'contract,deadLetters',
  },
];
