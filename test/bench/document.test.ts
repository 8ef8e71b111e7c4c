import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { CLAIMS } from '../../bench/support/claims.ts';
import { withSection } from '../../bench/support/document.ts';
import { median, quantile, short } from '../../bench/support/figures.ts';
import { sectionMarkdown } from '../../bench/support/section.ts';

const ORDER = ['one', 'two', 'three'];

test('rewriting a section leaves every other byte as it is', () => {
  const before = [
    'head\n',
    '<!-- bench:one -->\nold $1\n<!-- /bench:one -->',
    '<!-- bench:three -->\n3\n<!-- /bench:three -->',
  ];
  const document = `${before.join('\n between \n')}\ntail, no line end`;
  const after = withSection(document, 'one', 'new $& $1', ORDER);
  expect(after).toBe(document.replace('old $1', () => 'new $& $1'));
});

test('a new section takes its place in the order, whatever was there first', () => {
  let document = withSection('', 'two', 'b', ORDER);
  document = withSection(document, 'three', 'c', ORDER);
  document = withSection(document, 'one', 'a', ORDER);
  expect(document.match(/<!-- bench:\w+ -->\n\w/g)).toEqual([
    '<!-- bench:one -->\na',
    '<!-- bench:two -->\nb',
    '<!-- bench:three -->\nc',
  ]);
  expect(document.startsWith('# Benchmarks\n')).toBe(true);
  expect(withSection(document, 'two', 'b', ORDER)).toBe(document);
});

test('a section that is never closed is not rewritten', () => {
  expect(() => withSection('<!-- bench:one -->\nmine\n', 'one', 'a', ORDER)).toThrow('<!-- /bench:one -->');
});

test('every claim file is listed, under the name of its file', () => {
  const folder = fileURLToPath(new URL('../../bench', import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'run.ts');
  expect(CLAIMS.map(({ id }) => id).sort()).toEqual(files.map((name) => basename(name, '.ts')).sort());
});

test('a section shows its tables, method, noise, promises and machine', () => {
  const text = sectionMarkdown('Title', 'a machine', {
    tables: [{ head: ['case', 'µs'], rows: [['fast', '1']] }],
    method: 'How.',
    says: 'What.',
    noise: '3 rounds.',
    promises: [{ what: 'speed', promised: '≥ 2×', reached: '1×', kept: 'no' }],
  });
  for (const line of [
    '## Title',
    'What.',
    '| fast | 1 |',
    '*Method:* How.',
    '*Noise:* 3 rounds.',
    '*Machine:* a machine',
  ])
    expect(text.split('\n')).toContain(line);
  expect(text).toContain('| speed | ≥ 2× | 1× | no |');
});

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
])('median of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

test('a quantile lies between its neighbours', () => expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9));

test.each([
  [0, '0'],
  [1234.5, '1,230'],
  [45.62, '45.6'],
  [0.07891, '0.0789'],
  [99.96, '100'],
  [0.00000012, '0.000000'],
])('%d is shown as %s', (value, expected) => expect(short(value)).toBe(expected));
