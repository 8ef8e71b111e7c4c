import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { textTable } from '../../bin/table.ts';

const linesOf = (head: string[], rows: unknown[][]): string[] =>
  stripVTControlCharacters(textTable(head, rows)).trimEnd().split('\n');

describe('a table', () => {
  test('aligns numbers to the right and text to the left', () => {
    expect(
      linesOf(
        ['n', 'name'],
        [
          [1_000, 'a'],
          [null, 'bc'],
        ],
      ),
    ).toEqual(['    n  name', '1,000  a', '       bc']);
  });

  test.each([
    ['\u001b[2J', '\\x1b[2J'],
    ['a\nb\tc', 'a\\x0ab\\x09c'],
    ['\u202eevil', '\\u{202e}evil'],
    ['\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['\ufeff', '\\u{feff}'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['two\u2028lines', 'two\\u{2028}lines'],
    ['Grüße 21.5 °C', 'Grüße 21.5 °C'],
  ])('shows what moves the cursor or turns the writing in %j, in heads as in cells', (text, shown) => {
    expect(textTable([text], [[text]])).toContain(shown);
    expect(linesOf(['h'], [[text]])).toEqual(['h', shown]);
    expect(linesOf([text], [['c']])).toEqual([shown, 'c']);
  });
});
