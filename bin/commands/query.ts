import { Command } from 'commander';
import { exactJson, type Json } from '../../core/exact-json.ts';
import { askHub, type HubClientOptions } from '../running/hub-client.ts';
import { textTable } from '../table.ts';

type Answer = {
  columns: { name: string; type: string }[];
  rows: Json[][];
  truncated: boolean;
  ms: number;
};

const EXAMPLES = `
Examples:
  $ headwater query "SELECT stream, count(*), min(value), max(value) FROM records GROUP BY stream"
  $ headwater query --csv "SELECT ts, value FROM records WHERE device = 'this-machine' AND stream = 'cpu-load' ORDER BY ts"
  $ headwater query "SELECT ts, device, text ->> 'event' AS event FROM records WHERE stream = 'machine-event' ORDER BY ts"
  $ headwater query "SELECT device, ts, list_max(samples) FROM records WHERE stream = 'vibration-window'"

Views: records (site, node, device, stream, ts, value, text, samples, quality, clock, lane, producer, epoch, position,
stored_at, dt) and streams (node, stream, kind, unit, priority). A number or boolean is in value, a text, log line or JSON in
text, an array in samples. One SELECT at a time; it is interrupted after hub.queryTimeout.

The table shortens long texts and lists; --csv and --json give every value as it was received. A spreadsheet may take a text
that begins with = + - or @ for a formula: import such columns as text.`;

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
      process.stdout.write(options.json ? `${exactJson(answer, 2)}\n` : options.csv ? csv(answer) : table(answer));
      if (answer.truncated) process.stderr.write(`only the first ${answer.rows.length} rows are shown\n`);
    });
}

const table = ({ columns, rows, ms }: Answer): string =>
  `${textTable(
    columns.map(({ name }) => name),
    rows.map((row) => row.map((value, at) => shortened(value, columns[at]!.type))),
  )}${rows.length} rows, ${Math.round(ms)} ms\n`;

const MAX_CELL = 80;
const FIRST_ITEMS = 4;

/** A window of samples or a page of log must not push the other columns off the screen. */
function shortened(value: unknown, type: string): unknown {
  if (typeof value !== 'string' || value.length <= MAX_CELL) return value;
  if (!type.endsWith('[]')) return `${[...value.slice(0, MAX_CELL)].slice(0, -1).join('')}…`;
  const items = value.slice(1, -1).split(', ');
  return `[${items.slice(0, FIRST_ITEMS).join(', ')}, … ${items.length} in all]`;
}

/** RFC 4180. */
const csv = ({ columns, rows }: Answer): string =>
  [columns.map(({ name }) => name), ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');

function csvCell(value: Json): string {
  if (value === null) return '';
  const text = typeof value === 'string' ? value : exactJson(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
