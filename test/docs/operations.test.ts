import { expect, test } from '@jest/globals';
import { EXIT } from '../../bin/program.ts';
import { readText, sourceFiles, tableRows } from './pages.ts';

const page = readText('docs/operations.md');
const code = sourceFiles().map(readText).join('\n');

/** Literal messages of warnings and errors: the last argument of the call. */
const LOGGED = /logger\s*\.(?:warn|error)\(\s*\{(?:[^{}]|\{[^{}]*\})*\},\s*'([^']+)',?\s*\)/g;
const logged = [...new Set([...code.matchAll(LOGGED)].map(([, message]) => message!))];

const section = (title: string): string => page.split(/^## /m).find((part) => part.startsWith(title))!;
const unquoted = (cell: string): string => cell.replaceAll('`', '');

test('every warning and error of the code stands in docs/operations.md, and no other', () => {
  const documented = tableRows(section('Log messages')).map(([message]) => unquoted(message!));
  expect(logged.length).toBeGreaterThan(20);
  expect(documented.sort()).toEqual(logged.sort());
});

test('the exit codes are those of the command line', () => {
  const codes = tableRows(section('Exit codes')).map(([exit]) => Number(exit));
  expect(codes).toEqual([...Object.values(EXIT), 130]);
  expect(code).toContain('process.exit(130)');
});

test('the metrics that it names exist', () => {
  const named = [...section('Metrics').matchAll(/`headwater_([a-z_]+)`/g)].map(([, name]) => name!);
  const sources = ['hub/metrics.ts', 'core/ledger-metrics.ts', 'edge/node-metrics.ts'];
  const metrics = sources.map(readText).join('');
  expect(named.filter((name) => name !== '' && !metrics.includes(`'${name}'`))).toEqual([]);
  expect(named.length).toBeGreaterThan(4);
});
