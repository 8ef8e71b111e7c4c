import { expect, test } from '@jest/globals';
import { createdOnce } from '../../lambdas/cold-start.ts';

test('makes it once, also for those who ask at the same time', async () => {
  let made = 0;
  const open = createdOnce(async () => ++made);
  expect(await Promise.all([open(), open()])).toEqual([1, 1]);
  expect(await open()).toBe(1);
});

test('a start that failed is tried again', async () => {
  let tries = 0;
  const open = createdOnce(async () => {
    if (++tries < 3) throw new Error(`try ${tries}`);
    return tries;
  });
  await expect(open()).rejects.toThrow('try 1');
  await expect(open()).rejects.toThrow('try 2');
  expect(await open()).toBe(3);
  expect(await open()).toBe(3);
});
