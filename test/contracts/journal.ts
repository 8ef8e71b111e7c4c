import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { basicTests } from './journal/basics.ts';
import type { JournalHarness, Within } from './journal/harness.ts';
import { agreesWithModel, step } from './journal/model.ts';
import { quotaTests } from './journal/quota.ts';

export { commitOf, type JournalHarness, readAll, record } from './journal/harness.ts';

/** What every journal promises, whatever it runs on. */
export function journalContract(name: string, make: () => Promise<JournalHarness>): void {
  const within: Within = async (run) => {
    const harness = await make();
    try {
      await run(harness);
    } finally {
      await harness.dispose();
    }
  };

  describe(`journal contract: ${name}`, () => {
    basicTests(within);
    quotaTests(within);

    test('random commits, reads, fates and restarts agree with a list in memory', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
          within((harness) => agreesWithModel(harness, steps)),
        ),
        { numRuns: 25 },
      );
    });
  });
}
