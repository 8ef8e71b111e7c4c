import type { Mutant } from './mutant.ts';

/** Bugs of what takes readings in. */
export const SENSE_MUTANTS: readonly Mutant[] = [
  {
    name: 'adopt a filter state before its commit',
    file: 'greengrass-components/sense/round.ts',
    find: 'filterStates.set(one, step.state);',
    replace: 'filterStates.set(one, step.state); one.state = step.state;',
  },
  {
    name: 'adopt counters before their commit',
    file: 'greengrass-components/sense/sense.ts',
    find: 'const result = await journal.append(',
    replace: 'adopt(counts, round.changes); const result = await journal.append(',
  },
  {
    name: 'leave the source position out of the commit',
    file: 'greengrass-components/sense/sense.ts',
    find: 'if (batch.position !== undefined) changes[positionKey(source)] = batch.position;',
    replace: 'void source;',
  },
  {
    name: 'name a series in one commit only',
    seldom: true,
    file: 'greengrass-components/sense/series.ts',
    find: 'export const ENOUGH_NAMINGS = 2;',
    replace: 'export const ENOUGH_NAMINGS = 1;',
    focus: 'rot,stop',
  },
];
