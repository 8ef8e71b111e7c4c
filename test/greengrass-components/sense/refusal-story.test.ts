import { expect, test } from '@jest/globals';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createRefusalStory } from '../../../greengrass-components/sense/refusal-story.ts';

const FULL = { reason: 'journal-full', detail: 'no room' } as const;
const FAILED = { reason: 'journal-failed', detail: 'EIO' } as const;

test('tells when it begins, once a reason, and when it is over how many were refused of each class', () => {
  const clock = createManualClock();
  const logger = createMemoryLogger();
  const told = () => logger.lines.splice(0).map(({ fields, message }) => ({ ...fields, message }));
  const story = createRefusalStory(clock, logger, 'n');
  story.allTaken();
  expect(told()).toEqual([]);
  for (let second = 0; second < 1_000; second++) {
    story.turnedAway(FULL, { critical: 1, low: 2 });
    story.allTaken(); // now and then something fits
    clock.advance(1_000);
  }
  expect(told()).toEqual([
    {
      node: 'n',
      reason: 'journal-full',
      detail: 'no room',
      readings: { critical: 1, low: 2 },
      message: 'sense: readings refused',
    },
  ]);
  story.turnedAway(FAILED, { low: 5 });
  expect(told()).toMatchObject([{ reason: 'journal-failed', readings: { low: 5 } }]);
  clock.advance(59_999);
  story.allTaken();
  expect(told()).toEqual([]);
  clock.advance(1);
  story.allTaken();
  story.allTaken();
  expect(told()).toEqual([
    {
      node: 'n',
      refused: { 'journal-full': { critical: 1_000, low: 2_000 }, 'journal-failed': { low: 5 } },
      forMs: 1_000_000,
      message: 'sense: readings are taken again; so many were refused',
    },
  ]);
  story.turnedAway(FULL, { low: 1 });
  expect(told()).toMatchObject([{ readings: { low: 1 }, message: 'sense: readings refused' }]);
});
