import type { Mutant } from './mutant.ts';

/** Bugs of what stayed local and travels after all. */
export const PULL_MUTANTS: readonly Mutant[] = [
  {
    name: 'pull: leave the new note out of the commit',
    file: 'greengrass-components/sense/pull.ts',
    find: '[KEY]: note as unknown as JsonValue',
    replace: '[KEY]: notes as unknown as JsonValue',
    focus: 'pull,crash',
  },
  {
    name: 'pull: forget the notes at a restart',
    file: 'greengrass-components/sense/sense.ts',
    find: 'notes: pulledNotesIn(state)',
    replace: 'notes: []',
    focus: 'pull,stop',
  },
  {
    name: 'pull: take a position of another epoch for pulled',
    file: 'journal/pulled.ts',
    find: 'place.epoch === epoch && place.from',
    replace: 'place.from',
    focus: 'pull,stop',
  },
  {
    name: 'pull: read the first segment only',
    file: 'greengrass-components/sense/pull.ts',
    find: 'if (!page.next) break;',
    replace: 'break;',
    focus: 'pull',
  },
  {
    name: 'pull: book nothing',
    file: 'greengrass-components/sense/pull.ts',
    find: 'moveToKept(changes, counts, { stream, lane, count });',
    replace: '',
    focus: 'pull',
  },
];
