import { expect, test } from '@jest/globals';
import { blockOf } from '../../docs/make/marked-block.ts';
import { plainText, terminalLines, terminalSvg } from '../../docs/make/terminal-screen.ts';
import { readText } from './pages.ts';

const shown = (output: string): string[] => terminalLines(output).map(plainText);

test('a screen that is erased and drawn again shows its last picture', () => {
  const up = '\x1b[2K\x1b[1A\x1b[2K\x1b[G';
  expect(shown(`count 1\n${up}count 22\n${up}count 3\n`)).toEqual(['count 3', '']);
});

test('what is written over stands, what is left of a longer line is erased only when asked', () => {
  expect(shown('abcdef\rxy')).toEqual(['xycdef']);
  expect(shown('abcdef\x1b[3G\x1b[K')).toEqual(['ab']);
  expect(shown('a\nb\nc\x1b[2A\x1b[J')).toEqual(['a']);
});

test('colours become spans and sequences that mean nothing here vanish', () => {
  expect(terminalLines('\x1b[?25l\x1b[1mbold\x1b[22m \x1b[36mblue\x1b[39m')).toEqual([
    [
      { text: 'bold', bold: true, dim: false, colour: undefined },
      { text: ' ', bold: false, dim: false, colour: undefined },
      { text: 'blue', bold: false, dim: false, colour: 6 },
    ],
  ]);
});

test('the picture holds the text, escaped, and its title', () => {
  const svg = terminalSvg(terminalLines('a < b & \x1b[1m"c"\x1b[22m'), 'a > b');
  expect(svg).toContain('>a &lt; b &amp; <tspan font-weight="bold">&quot;c&quot;</tspan></text>');
  expect(svg).toContain('<title>a &gt; b</title>');
});

test('README shows output that commands printed', () => {
  const readme = readText('README.md');
  const ledger = blockOf(readme, 'ledger')!;
  expect(ledger).toMatch(/\nbalanced: both sides agree/);
  expect(blockOf(readme, 'query')).toMatch(/^2025-03-01 08:00:30 .*oven-temperature +196\.1/m);
  expect(blockOf(readme, 'quarantine')).toMatch(/oven\.csv line 4 +value "n\/a", expected a number/);
  expect(readText('docs/terminal.svg')).toContain('small-factory');
});
