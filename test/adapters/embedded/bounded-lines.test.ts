import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openBoundedLines, readBoundedLines } from '../../../adapters/embedded/bounded-lines.ts';
import { openQuarantineFile, readQuarantine } from '../../../adapters/embedded/quarantine-file.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headwater-lines-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('keeps the newest, within twice the bound, in order', () => {
  const lines = openBoundedLines(directory, 'log', 1_000);
  for (let number = 0; number < 500; number++) lines.append({ number });
  const kept = readBoundedLines<{ number: number }>(directory, 'log').map(({ number }) => number);
  expect(kept.at(-1)).toBe(499);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 500 - kept.length + index));
  const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  expect(bytes).toBeLessThanOrEqual(2_000);
  expect(bytes).toBeGreaterThan(1_000);
});

test('goes on after a restart and passes over a line that a crash cut off', () => {
  openBoundedLines(directory, 'log', 1_000).append({ number: 1 });
  appendFileSync(join(directory, 'log'), '{"number":');
  openBoundedLines(directory, 'log', 1_000).append({ number: 2 });
  expect(readBoundedLines(directory, 'log')).toEqual([{ number: 1 }, { number: 2 }]);
});

test('a quarantine that cannot be written says so once and stops nobody', () => {
  const logger = createMemoryLogger();
  const quarantine = openQuarantineFile(directory, logger);
  const entry = { at: 'now', source: 's', reason: 'no-time' as const, detail: 'd' };
  quarantine.put(entry);
  expect(readQuarantine(directory)).toEqual([entry]);
  rmSync(directory, { recursive: true });
  quarantine.put(entry);
  quarantine.put(entry);
  expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
});
