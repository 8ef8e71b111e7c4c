import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { MUTANTS } from '../../simulator/mutants.ts';

const ROOT = resolve(import.meta.dirname, '../..');

test.each(MUTANTS)('the code that the mutant "$name" changes is there, once', async ({ file, find, replace }) => {
  const source = await readFile(join(ROOT, file), 'utf8');
  expect(source.split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
});
