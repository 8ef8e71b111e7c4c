import { Command } from 'commander';
import { askHub, type HubClientOptions } from '../running/hub-client.ts';
import { textTable } from '../table.ts';

interface Answer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
  ms: number;
}

const EXAMPLES = `
Examples:
  $ headwater query "SELECT stream, count(*), min(value), max(value) FROM records GROUP BY stream"
  $ headwater query --csv "SELECT ts, value FROM records WHERE device = 'this-machine' AND stream = 'cpu-load' ORDER BY ts"

Views: records (site, node, device, stream, ts, value, text, quality, clock, lane, producer, epoch, position, stored_at, dt)
and streams (node, stream, kind, unit, priority). One SELECT at a time; it is interrupted after hub.queryTimeout.

--csv and --json give every value as it was received. A spreadsheet may take a text that begins with = + - or @ for a
formula: import such columns as text.`;

/** `headwater query SQL`: asks the running hub. */
export function queryCommand(): Command {
  return new Command('query')
    .description('ask the running hub in SQL')
    .argument('<sql>', 'one SELECT')
    .option('--json', 'one JSON document')
    .option('--csv', 'comma separated, with a head line')
    .option('--hub <url>', 'address of the hub (default: the one started on --data)')
    .option('--data <dir>', 'data directory of the hub', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action(async (sql: string, options: HubClientOptions & { json?: true; csv?: true }) => {
      const answer = await askHub<Answer>(options, '/query', { sql });
      process.stdout.write(
        options.json ? `${JSON.stringify(answer, null, 2)}\n` : options.csv ? csv(answer) : table(answer),
      );
      if (answer.truncated) process.stderr.write(`only the first ${answer.rows.length} rows are shown\n`);
    });
}

const table = ({ columns, rows, ms }: Answer): string =>
  `${textTable(
    columns.map(({ name }) => name),
    rows,
  )}${rows.length} rows, ${Math.round(ms)} ms\n`;

/** RFC 4180. */
const csv = ({ columns, rows }: Answer): string =>
  [columns.map(({ name }) => name), ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
