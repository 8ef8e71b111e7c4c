import { join } from 'node:path';
import { startJournalWorker } from '../journal/worker-client.ts';
import { type Backlog, CRITICAL_STREAM, type Drained, drainBacklog } from './support/backlog.ts';
import { median, ratios, short, spread } from './support/figures.ts';
import { startHubRole } from './support/hub-role.ts';
import { errorsOnly } from './support/logger.ts';
import type { Memory } from './support/memory.ts';
import { drainNats } from './support/nats-drain.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import { findNats } from './support/peers.ts';
import type { Claim, PromiseKept, Section, Table } from './support/section.ts';
import { machineReadings } from './support/small-factory.ts';
import { withFolder } from './support/temporary.ts';

const SHALLOW = 20_000;
const DEEP = 200_000;
const MILLION = 1_000_000;
/** It flushes each message by itself: more of them take minutes. */
const NATS_DURABLE = 20_000;
const ROUNDS = 3;
const MEMORY_AT = [0, 50_000, 100_000];

export const drain: Claim = { id: 'drain', title: 'Hub away, then back: draining a backlog', run };

async function run(): Promise<Section> {
  return withFolder(async (folder) => {
    const all = await machineReadings(Math.ceil((MILLION * 5) / 4) + 5);
    const [critical] = all.filter(({ stream }) => stream === CRITICAL_STREAM);
    const others = all.filter(({ stream }) => stream !== CRITICAL_STREAM);
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round);
    const nodes = ['warm', 'million', ...rounds.flatMap((round) => [`deep-${round}`, `shallow-${round}`])];
    const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
    const base = { folder, worker, hubs: await hubsOn(folder, nodes) };
    const drainOf = (name: string, count: number, memoryAt: readonly number[] = []): Promise<Drained> => {
      const readings = [...others.slice(0, count - 1), critical!];
      return drainBacklog({ ...base, readings, memoryAt, probe: count > SHALLOW }, name);
    };
    const deep: Drained[] = [];
    const shallow: Drained[] = [];
    const nats: NatsRates = { durable: [], byDefault: [] };
    const server = findNats();
    const messages = others.slice(0, DEEP).map((reading) => Buffer.from(JSON.stringify(reading)));
    try {
      await drainOf('warm', SHALLOW);
      for (const round of rounds) {
        deep.push(await drainOf(`deep-${round}`, DEEP, MEMORY_AT));
        shallow.push(await drainOf(`shallow-${round}`, SHALLOW));
        if (!server.ok) continue;
        const few = messages.slice(0, NATS_DURABLE);
        nats.durable.push(await drainNats(server.peer, join(folder, `nats-durable-${round}`), few, true));
        nats.byDefault.push(await drainNats(server.peer, join(folder, `nats-${round}`), messages, false));
      }
      const million = await drainOf('million', MILLION, [0]);
      return sectionOf({ deep, shallow, million: [million] }, nats, server.ok ? undefined : server.reason);
    } finally {
      await worker.close();
    }
  });
}

/** Readings a second by round; empty without the peer. */
type NatsRates = Record<'durable' | 'byDefault', number[]>;
type Runs = Record<'deep' | 'shallow' | 'million', readonly Drained[]>;

function sectionOf({ deep, shallow, million }: Runs, nats: NatsRates, leftOut: string | undefined): Section {
  const of = (runs: readonly Drained[], figure: 'rate' | 'firstMs' | 'criticalMs' | 'fillRate'): number[] =>
    runs.map((one) => one[figure]);
  const during = (runs: readonly Drained[], which: 'critical' | 'live'): number[] =>
    runs.flatMap((one) => (one.during ? [one.during[which]] : []));
  const ratio = ratios(of(deep, 'rate'), of(shallow, 'rate'));
  const measured = nats.durable.length > 0;
  const against = (rates: readonly number[]): number[] => ratios(of(deep, 'rate'), rates);
  const grown = deep.map(({ memory }) => Math.max(...memory.map(({ live }) => live)) - memory[0]!.live);
  const first = median(of(deep, 'firstMs'));
  const row = (records: number, runs: readonly Drained[], against: string): string[] => [
    records.toLocaleString('en-US'),
    spread(of(runs, 'rate')),
    against,
    spread(of(runs, 'firstMs')),
    spread(of(runs, 'criticalMs')),
    orDash(during(runs, 'critical')),
    orDash(during(runs, 'live')),
    spread(of(runs, 'fillRate')),
  ];
  const last = [...deep, ...shallow, ...million];
  return {
    says: `${DEEP.toLocaleString('en-US')} waiting records drain at ${short(median(ratio))}× the rate of ${SHALLOW.toLocaleString('en-US')}, the first of them acknowledged ${short(first)} ms after the connection; a critical reading that came last is stored and acknowledged ${short(median(of(deep, 'criticalMs')))} ms after it (${short(median(of(million, 'criticalMs')))} ms behind a million), one that comes while the backlog drains after ${short(median(during(deep, 'critical')))} ms; what the node holds in memory grew by ${short(median(grown))} MB while they piled up.`,
    method: `A node with filter none takes readings from memory while no hub listens, a critical one last; then the hub process starts on the same port and directory, and the clock runs from the node's connection to the last acknowledgement. When a fifth has gone, a live reading and a critical one are offered; their delay is from the offer, commit included, to the acknowledgement that they are stored. The node's pause between two dials is not counted (it is held at 100 ms here, at most 30 s in use). NATS: a leaf server with a stream in files, a hub server whose stream has it as its source, each reading a JSON message, both servers with sync_interval always (${NATS_DURABLE.toLocaleString('en-US')} readings) and with their default, which may lose the last two minutes in a power cut; its clock runs from the first message stored to the last.`,
    noise: `${ROUNDS} rounds, deep and shallow in turns, after one for the compiler, then a million once; median (smallest–largest); ratios round by round.`,
    tables: [
      {
        head: [
          'backlog, records',
          'drained records/s',
          '× shallow',
          'connection → first acknowledgement, ms',
          'connection → critical acknowledged, ms',
          'meanwhile: critical, offer → acknowledged, ms',
          'meanwhile: live, offer → acknowledged, ms',
          'piled up at, records/s',
        ],
        rows: [
          row(MILLION, million, spread(ratios(of(million, 'rate'), [median(of(shallow, 'rate'))]))),
          row(DEEP, deep, spread(ratio)),
          row(SHALLOW, shallow, '1'),
        ],
      },
      ...(measured ? [natsTable(of(deep, 'rate'), nats)] : []),
      {
        head: ['records waiting', ...[...MEMORY_AT, DEEP, MILLION].map((count) => count.toLocaleString('en-US'))],
        rows: [
          ['in use by the main thread after a collection, MB', ...memoryAt(deep, million, 'live')],
          ['RSS of the process, MB', ...memoryAt(deep, million, 'rss')],
        ],
      },
    ],
    ...(leftOut === undefined ? {} : { caveats: [`${leftOut}.`] }),
    promises: [
      {
        what: '200,000 deep against shallow',
        promised: '≥ 0.9×',
        reached: `${short(median(ratio))}×`,
        kept: median(ratio) >= 0.9 ? 'yes' : 'no',
      },
      atMost('first message after the uplink is back', 1, first / 1_000),
      atMost('critical behind 200,000', 0.3, median(of(deep, 'criticalMs')) / 1_000),
      atMost('critical that comes while 200,000 drain', 0.3, median(during(deep, 'critical')) / 1_000),
      {
        what: 'critical is the first envelope sent',
        promised: 'always',
        reached: `${last.filter(({ criticalFirst }) => criticalFirst).length} of ${last.length}`,
        kept: last.every(({ criticalFirst }) => criticalFirst) ? 'yes' : 'no',
      },
      {
        what: 'readings/s against NATS JetStream',
        promised: '≥ 1×',
        // What is acknowledged here is durable, so the like is the peer that flushes too; the other is told besides.
        reached: measured
          ? `${short(median(against(nats.durable)))}× (${short(median(against(nats.byDefault)))}× of its default, not power-safe)`
          : '–',
        kept: !measured ? 'not measured yet' : median(against(nats.durable)) >= 1 ? 'yes' : 'no',
      },
    ],
  };
}

const natsTable = (ours: readonly number[], { durable, byDefault }: NatsRates): Table => ({
  head: ['readings behind a link, a message a reading', 'drained readings/s', 'this node and hub are faster by'],
  rows: [
    ['NATS JetStream, leaf and hub, sync_interval always', spread(durable), spread(ratios(ours, durable))],
    ['NATS JetStream, leaf and hub, default', spread(byDefault), spread(ratios(ours, byDefault))],
  ],
});

const orDash = (values: readonly number[]): string => (values.length === 0 ? '–' : spread(values));

const atMost = (what: string, seconds: number, reached: number): PromiseKept => ({
  what,
  promised: `≤ ${seconds} s`,
  reached: `${short(reached)} s`,
  kept: reached <= seconds ? 'yes' : 'no',
});

const memoryAt = (deep: readonly Drained[], million: readonly Drained[], figure: keyof Memory): string[] => [
  ...[...MEMORY_AT, DEEP].map((_, column) => spread(deep.map(({ memory }) => memory[column]![figure]))),
  spread(million.map(({ memory }) => memory.at(-1)![figure])),
];

/** Starts the hub once, so that nodes have credentials and know its port, and takes it away. */
async function hubsOn(folder: string, nodes: readonly string[]): Promise<Backlog['hubs']> {
  const directory = join(folder, 'hub');
  const first = await startHubRole({ directory, nodes, mqttPort: 0 });
  const { mqttPort, credentials } = first.ready;
  await first.stop();
  return {
    credentialsOf: (node) => credentials[node]!,
    port: mqttPort,
    start: () => startHubRole({ directory, nodes, mqttPort }),
  };
}
