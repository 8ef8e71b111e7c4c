import { expect, test } from '@jest/globals';
import { createScratch } from '../../journal/scratch.ts';

test('memory is used again, also for more and for less, and that of a rare large piece is not held on to', () => {
  const memory = createScratch();
  const first = memory(5_000);
  expect([first.length, memory(8_000).buffer === first.buffer, memory(1).buffer === first.buffer]).toEqual([
    5_000,
    true,
    true,
  ]);
  expect(memory(9_000).buffer).not.toBe(first.buffer);
  const kept = memory(1).buffer;
  const large = memory(300_000);
  expect(large.length).toBe(300_000);
  expect(memory(1).buffer).toBe(kept);
});
