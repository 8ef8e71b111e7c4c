import type { Mutant } from './mutant.ts';

/** Bugs of a far side, whatever its store. */
export const INGEST_MUTANTS: readonly Mutant[] = [
  {
    name: 'answer before the store commit',
    file: 'lambdas/ingest/handler.ts',
    find: "if (plan.change === undefined || (await store.commit(plan.change)) === 'committed') return plan.replies;",
    replace: 'if (plan.change) void store.commit(plan.change).catch(() => undefined); return plan.replies;',
  },
  {
    name: 'store an envelope that overlaps',
    file: 'core/coverage.ts',
    find: "if (!sameRanges(known, live)) return { outcome: 'overlap', known: within(index.stored, header) };",
    replace: `if (!sameRanges(known, live)) {
      return { outcome: 'store', stored: addRanges(index.stored, live), givenUp: index.givenUp };
    }`,
  },
  {
    name: 'judge each message of a batch by the store alone',
    file: 'lambdas/ingest/plan-batch.ts',
    find: 'const reply = judgeEnvelope(laneOf(header),',
    replace:
      'const reply = judgeEnvelope({ ...laneOf(header), index: lanes.find(({ key }) => laneKeyText(key) === laneKeyText(header))!.index },',
  },
];
