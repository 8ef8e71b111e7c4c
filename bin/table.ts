import { colours } from './colours.ts';

/**
 * A table for people: numbers to the right, a bold head on a terminal. Heads and cells are on one line; characters that
 * control the terminal or turn the direction of writing are shown as escapes.
 */
export function textTable(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const titles = head.map(visible);
  const cells = rows.map((row) => row.map(cellText));
  const widths = titles.map((title, column) =>
    cells.reduce((most, row) => Math.max(most, row[column]!.length), title.length),
  );
  const right = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number' || row[column] === null),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [colours.bold(line(titles)), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? value.toLocaleString('en-US') : String(value);
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A device may send anything as text: it must not move the cursor of the operator's terminal, nor reorder the line. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** Unicode's control and format characters (bidirectional overrides among them), line and paragraph separators. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
