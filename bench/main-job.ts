import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../adapters/embedded/system-clock.ts';
import { createFileSource } from '../adapters/sources/file-source.ts';
import type { FilterConfig } from '../core/filters/schema.ts';
import type { Reading } from '../core/reading.ts';
import { startPlainNode } from '../edge/plain-node.ts';
import { type JournalWorker, startJournalWorker } from '../journal/worker-client.ts';
import { median, ratios, short, spread } from './support/figures.ts';
import { type HubRole, startHubRole } from './support/hub-role.ts';
import { errorsOnly } from './support/logger.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import { type Role, startRole } from './support/processes.ts';
import { publishRaw, type RawBrokerReady, type RawBrokerUsage } from './support/raw-publish.ts';
import type { Claim, Section } from './support/section.ts';
import { benchPlan, csvOf, machineReadings } from './support/small-factory.ts';
import { withFolder } from './support/temporary.ts';

const READINGS = 200_000;
const PER_MESSAGE = 100;
const ROUNDS = 4;
const WAYS = { none: { type: 'none' }, change: { type: 'change', percent: 5 } } as const satisfies Record<
  string,
  FilterConfig
>;
type Way = keyof typeof WAYS;

export const mainJob: Claim = { id: 'main-job', title: 'The main job: source to stored', run };

/** One run over all readings. */
interface Run {
  rate: number;
  /** µs of all threads, a reading. */
  nodeCpu: number;
  hubCpu: number;
  bytes: number;
  kept: number;
  stored: number;
}

interface Rig {
  folder: string;
  worker: JournalWorker;
  hub: HubRole;
  raw: Role<RawBrokerReady, RawBrokerUsage>;
  readings: readonly Reading[];
}

async function run(): Promise<Section> {
  return withFolder(async (folder) => {
    const readings = await machineReadings(READINGS);
    await writeFile(join(folder, 'readings.csv'), csvOf(readings));
    const nodes = Object.keys(WAYS).flatMap((way) => Array.from({ length: ROUNDS }, (_, round) => nodeOf(way, round)));
    const hub = await startHubRole({ directory: join(folder, 'hub'), nodes, mqttPort: 0 });
    const raw = await startRole<RawBrokerReady, RawBrokerUsage>('raw-broker', {
      directory: join(folder, 'raw'),
      node: 'raw',
    });
    const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
    try {
      return await measure({ folder, worker, hub, raw, readings });
    } finally {
      await Promise.all([worker.close(), hub.stop(), raw.stop()]);
    }
  });
}

async function measure(rig: Rig): Promise<Section> {
  const runs: Record<Way | 'raw' | 'source', Run[]> = { none: [], change: [], raw: [], source: [] };
  for (let round = 0; round < ROUNDS; round++) {
    runs.none.push(await runNode(rig, 'none', round));
    runs.raw.push(await runRaw(rig));
    runs.change.push(await runNode(rig, 'change', round));
    runs.source.push(await runSource(rig));
  }
  // The first round compiled everything.
  const of = (name: keyof typeof runs, figure: keyof Run): number[] => runs[name].slice(1).map((one) => one[figure]);
  const cpu = (name: keyof typeof runs): number[] => runs[name].slice(1).map(({ nodeCpu, hubCpu }) => nodeCpu + hubCpu);
  const row = (what: string, name: keyof typeof runs): string[] => [
    what,
    spread(of(name, 'rate')),
    spread(ratios(of(name, 'rate'), of('raw', 'rate'))),
    spread(of(name, 'nodeCpu')),
    name === 'source' ? '–' : spread(of(name, 'hubCpu')),
    name === 'source' ? '–' : short(median(of(name, 'bytes'))),
    name === 'source' ? '–' : `${short(median(of(name, 'kept')))} / ${short(median(of(name, 'stored')))}`,
  ];
  const rate = median(ratios(of('none', 'rate'), of('raw', 'rate')));
  return {
    says: `Every reading filtered by nothing, made durable twice and stored goes through at ${short(rate)}× the rate of bare JSON over the same broker package and costs ${short(median(ratios(cpu('none'), cpu('raw'))))}× its CPU; with a 5 % change filter ${short(median(ratios(of('change', 'rate'), of('raw', 'rate'))))}× the rate and ${short(median(ratios(cpu('change'), cpu('raw'))))}× the CPU.`,
    method: `${READINGS.toLocaleString('en-US')} readings of a CSV file (20 machines × 5 streams) through one node (file source, filter, journal in its worker on a real disk) over mutual TLS into one hub in another process (index and rows in DuckDB); the clock runs from the node's start to its end, when the hub has acknowledged every record as stored; the baseline publishes the same readings from memory as JSON, ${PER_MESSAGE} a message, QoS 1, 100 messages in flight, over mutual TLS to a bare broker in another process that stores nothing.`,
    noise: `${ROUNDS - 1} rounds, in turns, after one for the compiler; median (smallest–largest); ratios round by round.`,
    tables: [
      {
        head: [
          'way',
          'readings/s',
          '× raw',
          'CPU µs a reading, node',
          'CPU µs a reading, hub or broker',
          'payload B a reading',
          'kept / stored',
        ],
        rows: [
          row('source → stored, filter none', 'none'),
          row('source → stored, 5 % change filter', 'change'),
          row('raw: JSON from memory → PUBACK, nothing stored', 'raw'),
          row('the file source alone, into a sink that takes everything', 'source'),
        ],
      },
    ],
    promises: [],
    caveats: ['Node-RED, Telegraf and the other peers are not run here.'],
  };
}

const nodeOf = (way: string, round: number): string => `${way}-${round + 1}`;

async function runNode({ folder, worker, hub }: Rig, way: Way, round: number): Promise<Run> {
  const node = nodeOf(way, round);
  const before = await hub.ask('usage');
  const spent = stopwatch();
  const running = await startPlainNode(worker, errorsOnly, {
    plan: benchPlan(node, WAYS[way]),
    directory: join(folder, 'nodes', node),
    uplinks: [
      {
        name: 'hub',
        hub: { host: '127.0.0.1', port: hub.ready.mqttPort },
        credentials: hub.ready.credentials[node]!,
      },
    ],
    fleetDirectory: folder,
    speed: 1,
  });
  await running.exhausted;
  const { ledger, forward } = await running.stop(120_000);
  const { seconds, cpuUs } = spent();
  const after = await hub.ask('usage');
  const kept = ledger.streams.reduce((sum, stream) => sum + stream.kept, 0);
  const collected = ledger.sources.line?.collected ?? 0;
  const stored = after.stored[node] ?? 0;
  if (collected !== READINGS || stored !== kept) {
    throw new Error(`${node}: ${collected} of ${READINGS} collected, ${stored} of ${kept} kept are stored`);
  }
  return {
    rate: READINGS / seconds,
    nodeCpu: cpuUs / READINGS,
    hubCpu: (after.cpuUs - before.cpuUs) / READINGS,
    bytes: forward.bytesSent / READINGS,
    kept,
    stored,
  };
}

async function runRaw({ raw, readings }: Rig): Promise<Run> {
  const before = await raw.ask('usage');
  const spent = stopwatch();
  const bytes = await publishRaw(raw.ready, 'raw', readings, PER_MESSAGE);
  const { seconds, cpuUs } = spent();
  const after = await raw.ask('usage');
  const messages = after.messages - before.messages;
  if (messages !== READINGS / PER_MESSAGE) throw new Error(`the bare broker saw ${messages} messages`);
  return {
    rate: READINGS / seconds,
    nodeCpu: cpuUs / READINGS,
    hubCpu: (after.cpuUs - before.cpuUs) / READINGS,
    bytes: bytes / READINGS,
    kept: READINGS,
    stored: 0,
  };
}

async function runSource({ folder }: Rig): Promise<Run> {
  const plan = benchPlan('source', WAYS.none).sources[0]!;
  if (plan.config.type !== 'file') throw new Error(`source of type ${plan.config.type}, expected file`);
  const spent = stopwatch();
  let count = 0;
  await createFileSource(
    { ...plan, config: plan.config },
    { clock: systemClock, logger: errorsOnly },
    { directory: folder },
  ).run(
    {
      offer: async ({ readings }) => {
        count += readings.length;
        return 'committed';
      },
    },
    undefined,
    new AbortController().signal,
    {},
  );
  const { seconds, cpuUs } = spent();
  return { rate: count / seconds, nodeCpu: cpuUs / count, hubCpu: 0, bytes: 0, kept: count, stored: 0 };
}

/** Wall time and CPU of all threads of this process since the call. */
function stopwatch(): () => { seconds: number; cpuUs: number } {
  const start = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - start) / 1_000, cpuUs: user + system };
  };
}
