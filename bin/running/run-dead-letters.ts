import { priorityOf } from '../../core/priority.ts';
import { MAX_SHOWN_RECORDS } from '../../edge/control-requests.ts';
import type { ShownRecord } from '../../edge/shown-letter.ts';
import type { DeadLetter } from '../../journal/journal-port.ts';
import { textTable } from '../table.ts';
import { askIfRunning, askNode, chooseNode, type NodeClientOptions, nodesIn, notRunning } from './node-client.ts';

interface Shown {
  letters: readonly DeadLetter[];
  /** Of all of its records. */
  count: number;
  records: readonly ShownRecord[];
}

const SHOWN = 20;
const out = (text: string): void => void process.stdout.write(text);
const json = (value: unknown): void => out(`${JSON.stringify(value, null, 2)}\n`);

export async function listDeadLetters(options: NodeClientOptions & { json?: true }): Promise<void> {
  const { data } = options;
  const names = options.node === undefined ? nodesIn(data) : [chooseNode(options)];
  const letters: (DeadLetter & { node: string })[] = [];
  const silent: string[] = [];
  for (const node of names) {
    const found = await askIfRunning<DeadLetter[]>(data, node, { request: 'dead-letters-list' });
    if (found) letters.push(...found.map((letter) => ({ node, ...letter })));
    else silent.push(node);
  }
  if (silent.length === names.length && silent[0] !== undefined) throw notRunning(data, silent[0]);
  if (options.json) json(letters);
  else if (letters.length === 0) out('no dead letters\n');
  else out(textTable(LETTER_HEAD, letters.map(letterRow)));
  if (silent.length > 0) {
    process.stderr.write(`not asked, since they do not run: ${silent.slice(0, 8).join(', ')} (${silent.length})\n`);
  }
}

const LETTER_HEAD = ['node', 'id', 'priority', 'records', 'reason', 'attempts', 'since', 'epoch', 'positions'];
const letterRow = ({ node, id, lane, from, to, reason, attempts, buriedMs, epoch }: DeadLetter & { node: string }) => [
  node,
  id,
  priorityOf(lane),
  to - from,
  reason,
  attempts,
  timeText(buriedMs),
  epoch,
  `${from}–${to - 1}`,
];

export async function showDeadLetter(
  id: string,
  options: NodeClientOptions & { json?: true; first?: number },
): Promise<void> {
  const node = chooseNode(options);
  const most = options.first ?? (options.json ? Number.POSITIVE_INFINITY : SHOWN);
  const page = (skip: number): Promise<Shown> =>
    askNode<Shown>(options.data, node, {
      request: 'dead-letters-show',
      id,
      skip,
      records: Math.min(MAX_SHOWN_RECORDS, most - skip),
    });
  let shown = await page(0);
  if (!options.json)
    out(
      textTable(
        LETTER_HEAD,
        shown.letters.map((letter) => letterRow({ node, ...letter })),
      ),
    );
  const { count } = shown;
  let told = 0;
  for (;;) {
    if (options.json) for (const record of shown.records) out(`${JSON.stringify({ node, letter: id, ...record })}\n`);
    else if (shown.records.length > 0) out(`\n${textTable(RECORD_HEAD, shown.records.map(recordRow))}`);
    told += shown.records.length;
    if (told >= Math.min(most, count) || shown.records.length === 0) break;
    shown = await page(told);
  }
  if (!options.json && told < count) out(`… and ${count - told} more records: --first N, or --json for all\n`);
}

const RECORD_HEAD = ['position', 'time', 'device', 'stream', 'value', 'quality', 'clock'];
const recordRow = ({ position, ts, device, stream, value, quality, clock }: ShownRecord): unknown[] => [
  position,
  timeText(ts),
  device,
  stream,
  valueText(value),
  quality,
  clock,
];

const MAX_CELL = 60;
function valueText(value: ShownRecord['value']): unknown {
  if (value === null || typeof value === 'number') return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_CELL ? `${[...text.slice(0, MAX_CELL)].slice(0, -1).join('')}…` : text;
}

export async function replayDeadLetters(
  ids: readonly string[],
  options: NodeClientOptions & { json?: true; all?: true },
): Promise<void> {
  if ((ids.length === 0) === (options.all !== true)) {
    throw new Error(`${ids.length} ids${options.all ? ' and --all' : ''}: name dead letters, or say --all`);
  }
  const node = chooseNode(options);
  const { records } = await askNode<{ records: number }>(options.data, node, {
    request: 'dead-letters-replay',
    ids: options.all ? 'all' : [...ids],
  });
  if (options.json) json({ node, replayed: records });
  else out(`node ${node}: ${records} records wait again\n`);
}

export async function discardDeadLetters(
  ids: readonly string[],
  options: NodeClientOptions & { json?: true; yes?: true },
): Promise<void> {
  const node = chooseNode(options);
  if (options.yes !== true) {
    throw new Error(`${ids.length} dead letters of node ${node} would be gone for good: add --yes if that is meant`);
  }
  const { records } = await askNode<{ records: number }>(options.data, node, {
    request: 'dead-letters-discard',
    ids: [...ids],
  });
  if (options.json) json({ node, discarded: records });
  else out(`node ${node}: ${records} records are gone\n`);
}

const timeText = (ms: number): string =>
  Number.isNaN(new Date(ms).getTime()) ? `${ms} ms` : new Date(ms).toISOString();
