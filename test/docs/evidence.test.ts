import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EVIDENCE, evidenceTable } from '../../docs/make/evidence.ts';
import { blockOf } from '../../docs/make/marked-block.ts';
import { readText, root } from './pages.ts';

const scripts = JSON.parse(readText('package.json')).scripts as Record<string, string>;

test('docs/evidence.md is what npm run docs:evidence writes', () => {
  expect(blockOf(readText('docs/evidence.md'), 'evidence')?.trim()).toBe(evidenceTable().trim());
});

test('every proof is there, and its command runs in CI', () => {
  const ci = readText('.ci/run');
  for (const { files, command } of EVIDENCE) {
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(Object.keys(scripts)).toContain(command.replace(/^npm (run )?/, ''));
    expect(ci).toContain(command);
  }
});

test('what is not proven against the real thing says what that leaves open', () => {
  const silent = EVIDENCE.filter(({ proof, gap }) => proof === 'static' && gap === '');
  expect(silent).toEqual([]);
  expect(EVIDENCE.some(({ proof }) => proof === 'emulator')).toBe(true);
});
