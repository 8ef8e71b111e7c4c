import type { RoleRow } from '../../lib/role-table.ts';

/** The role table as Markdown: one row of the page for each row of the table. */
export function roleTable(rows: readonly RoleRow[]): string {
  const lines = rows.map(({ who, actions, on, only, why }) =>
    row(codes(who), codes(actions), codes(on), only === undefined ? '' : codes([only]), why),
  );
  return [row('Who', 'may', 'on', 'only if', 'because'), '|---|---|---|---|---|', ...lines, ''].join('\n');
}

const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join('<br>');
