import type { Mutant } from './mutant.ts';

/** Bugs of retries, of times to live, and of what is given up. */
export const FATES_MUTANTS: readonly Mutant[] = [
  {
    name: 'give up missing records without asking',
    file: 'core/forward/state.ts',
    find: 'lane.missing = addRanges(lane.missing, unfinished(lane.fates, missing));',
    replace: 'lane.fates = { ...lane.fates, damaged: addRanges(lane.fates.damaged, unfinished(lane.fates, missing)) };',
    focus: 'rot,crash',
  },
  {
    name: 'expire at half the time to live',
    file: 'core/forward/age.ts',
    find: 'const bornBefore = ageOf(state, now) - ttlMs;',
    replace: 'const bornBefore = ageOf(state, now) - ttlMs / 2;',
    focus: 'contract',
  },
  {
    name: 'give all records of a mark the age of the first',
    file: 'core/forward/age.ts',
    find: '{ to: lane.end, ageMs }];',
    replace: '{ to: lane.end, ageMs: begun ? last!.ageMs : ageMs }];',
    focus: 'contract',
  },
  {
    name: 'dead letter one retry early',
    file: 'core/forward/retries.ts',
    find: '({ count }) => count > retries',
    replace: '({ count }) => count >= retries',
    focus: 'contract',
  },
  {
    name: 'count a refusal that comes twice as two failures',
    file: 'core/forward/answers.ts',
    find: 'const failed = subtract(intersect(rest, addRanges(lane.doubt, gone)), lane.blamed);',
    replace: 'const failed = rest;',
    focus: 'contract,late',
  },
  {
    name: 'dead letter with another reason',
    file: 'core/forward/retries.ts',
    find: "parts.map((part) => ({ ...outcomeOf(lane, part), fate: 'tried', count, reason }))",
    replace: "parts.map((part) => ({ ...outcomeOf(lane, part), fate: 'tried', count, reason: 'too-fragmented' }))",
    focus: 'contract',
  },
  {
    name: 'hold what was given up for settled although it may be stored',
    file: 'core/forward/doubt.ts',
    find: 'subtract(subtract(sent, fates.delivered), denied);',
    replace: 'subtract(subtract(subtract(sent, fates.delivered), givenUpOf(fates)), denied);',
    focus: 'contract,partition',
  },
  {
    name: 'state what was given up before the far side has denied it',
    seldom: true,
    file: 'core/forward/plan.ts',
    find: 'subtract(unstated(lane.fates), doubtful(lane));',
    replace: 'unstated(lane.fates);',
    focus: 'contract,stop,partition',
  },
];
