import logUpdate from 'log-update';
import { formatBytes } from '../../core/bytes.ts';
import { colours } from '../colours.ts';
import { type Figures, p50, p99 } from './figures.ts';
import type { Troubles } from './troubles.ts';

export interface ScreenInput extends Figures {
  fleet: string;
  seconds: number;
  /** Records in the hub's index. */
  stored: number;
  url: string;
  mqtt: string;
  data: string;
  troubles: Troubles;
}

/** Shows a running fleet: one refreshing screen on a terminal, a plain line now and then otherwise. */
export interface Screen {
  show(input: ScreenInput): void;
  /** Leaves the last picture standing. */
  end(): void;
}

const PLAIN_EVERY_S = 5;

export function createScreen(stream: NodeJS.WriteStream): Screen {
  let before: number | undefined;
  /** Readings per second since this start: the counts go on from earlier ones. */
  const rate = ({ collected, seconds }: ScreenInput): number => {
    before ??= collected;
    return (collected - before) / Math.max(1, seconds);
  };
  if (stream.isTTY) return { show: (input) => logUpdate(picture(input, rate(input))), end: () => logUpdate.done() };
  let nextAt = 0;
  return {
    show(input) {
      if (input.seconds < nextAt) return;
      nextAt = input.seconds + PLAIN_EVERY_S;
      stream.write(`${line(input)}\n`);
    },
    end: () => undefined,
  };
}

function picture(input: ScreenInput, rate: number): string {
  const rows: [string, string, string][] = [
    ['readings in', number(input.collected), `${number(rate)}/s since this start`],
    ['kept', number(input.kept), share(input.kept, input.collected)],
    ['waiting', number(input.waiting), 'durable on the nodes'],
    ['delivered', number(input.delivered), 'acknowledged by the hub as stored'],
    ['stored', number(input.stored), 'in the hub'],
    ['bytes sent', formatBytes(input.bytesSent), bytesNote(input)],
    ['commit → ack', ms(p50(input)), `p50; p99 ${ms(p99(input))}, the sync interval included`],
  ];
  if (input.local > 0) rows.splice(2, 0, ['local', number(input.local), 'on demand: stay on the node']);
  if (input.refused > 0)
    rows.splice(2, 0, [
      'refused',
      colours.yellow(number(input.refused)),
      `headwater quarantine list --data ${input.data}`,
    ]);
  if (input.givenUp > 0) rows.push(['given up', colours.red(number(input.givenUp)), '`headwater ledger` says why']);
  const width = Math.max(...rows.map(([, value]) => value.length));
  return [
    `${colours.bold('Headwater')} ${input.fleet} · ${input.connected}/${input.nodes} nodes connected · ${Math.floor(input.seconds)} s`,
    '',
    ...rows.map(
      ([name, value, note]) => `  ${name.padEnd(14)} ${colours.bold(value.padStart(width))}  ${colours.dim(note)}`,
    ),
    '',
    ...(input.troubles.count > 0 ? [troubleLines(input), ''] : []),
    `  hub            ${colours.cyan(input.url)}  ${colours.dim(`MQTT ${input.mqtt}`)}`,
    `  ${colours.dim('Ctrl-C delivers what waits (10 s at most) and prints the ledger.')}`,
    '',
  ].join('\n');
}

function troubleLines({ troubles: { count, last }, data }: ScreenInput): string {
  return `  ${colours.yellow(`${count} warnings`)} in ${data}/headwater.ndjson, the last:\n  ${last}`;
}

function line(input: ScreenInput): string {
  return [
    `${Math.floor(input.seconds)}s`,
    `nodes ${input.connected}/${input.nodes}`,
    `readings ${input.collected}`,
    `refused ${input.refused}`,
    `kept ${input.kept}`,
    `waiting ${input.waiting}`,
    `delivered ${input.delivered}`,
    `stored ${input.stored}`,
    `sent ${input.bytesSent} B (JSON ${input.jsonBytes} B)`,
    `p50 ${ms(p50(input))} p99 ${ms(p99(input))}`,
    `hub ${input.url}`,
    ...(input.troubles.count > 0 ? [`warnings ${input.troubles.count}, the last: ${input.troubles.last}`] : []),
  ].join('  ');
}

const number = (value: number): string => Math.round(value).toLocaleString('en-US');
const ms = (value: number | undefined): string =>
  value === undefined ? '–' : value >= 1_000 ? `${(value / 1_000).toFixed(2)} s` : `${value.toFixed(1)} ms`;
const share = (part: number, whole: number): string =>
  whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} % of them`;
const bytesNote = ({ bytesSent, jsonBytes }: Figures): string =>
  jsonBytes === 0 ? '' : `${((100 * bytesSent) / jsonBytes).toFixed(1)} % of ${formatBytes(jsonBytes)} as JSON`;
