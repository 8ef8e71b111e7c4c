import { expect, test } from '@jest/globals';
import { bytesBetween } from '../../bench/support/disk-writes.ts';

test('the lesser of two upper bounds counts; a device that nobody counts for is no bound', () => {
  const before = { process: 100, device: 1_000 };
  expect(bytesBetween(before, { process: 1_100, device: 1_200 })).toBe(200);
  expect(bytesBetween(before, { process: 150, device: 9_000 })).toBe(50);
  expect(bytesBetween({ process: 100, device: Number.NaN }, { process: 150, device: Number.NaN })).toBe(50);
});
