import pc from 'picocolors';

/** A table for people: numbers to the right, a bold head on a terminal. Cells are on one line, control characters shown. */
export function textTable(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map(cellText));
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)));
  const right = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number' || row[column] === null),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [pc.bold(line(head)), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? value.toLocaleString('en-US') : String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // A device may send anything as text: it must not move the cursor of the operator's terminal.
  return text.replace(CONTROLS, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Unicode's control characters. */
const CONTROLS = /\p{Cc}/gu;
