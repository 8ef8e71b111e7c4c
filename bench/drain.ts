import { join } from 'node:path';
import { loadCredentials } from '../adapters/embedded/credentials.ts';
import { systemClock } from '../adapters/embedded/system-clock.ts';
import { systemRandom } from '../adapters/embedded/system-random.ts';
import { createMqttUplink } from '../adapters/mqtt/uplink.ts';
import { decodeAnswer } from '../core/messages.ts';
import type { Clock, Source, Uplink } from '../core/ports.ts';
import type { Reading } from '../core/reading.ts';
import { startEdgeNode } from '../edge/node.ts';
import { type JournalWorker, startJournalWorker } from '../journal/worker-client.ts';
import { median, ratios, short, spread } from './support/figures.ts';
import { type HubRole, startHubRole } from './support/hub-role.ts';
import { errorsOnly } from './support/logger.ts';
import { type Memory, memoryNow } from './support/memory.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import type { Claim, Section } from './support/section.ts';
import { benchPlan, machineReadings } from './support/small-factory.ts';
import { withFolder } from './support/temporary.ts';

const DEEP = 200_000;
const SHALLOW = 20_000;
const ROUNDS = 3;
const BATCH = 1_000;
const MEMORY_AT = [0, 50_000, 100_000, DEEP];

export const drain: Claim = { id: 'drain', title: 'Hub away, then back: draining a backlog', run };

interface Drained {
  /** Records a second from the connection to the last acknowledgement. */
  rate: number;
  /** From the connection to the first acknowledgement, ms. */
  firstMs: number;
  /** Records/s into the journal while the hub is away. */
  fillRate: number;
  /** At MEMORY_AT. */
  memory: Memory[];
}

async function run(): Promise<Section> {
  return withFolder(async (folder) => {
    const readings = await machineReadings(DEEP);
    const nodes = [
      'warm',
      ...Array.from({ length: ROUNDS }, (_, round) => [`deep-${round}`, `shallow-${round}`]).flat(),
    ];
    const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
    const hubs = await hubsOn(folder, nodes);
    const deep: Drained[] = [];
    const shallow: Drained[] = [];
    try {
      await backlog({ folder, worker, hubs, readings: readings.slice(0, SHALLOW) }, 'warm');
      for (let round = 0; round < ROUNDS; round++) {
        deep.push(await backlog({ folder, worker, hubs, readings }, `deep-${round}`));
        const few = { folder, worker, hubs, readings: readings.slice(0, SHALLOW) };
        shallow.push(await backlog(few, `shallow-${round}`));
      }
    } finally {
      await worker.close();
    }
    return sectionOf(deep, shallow);
  });
}

function sectionOf(deep: readonly Drained[], shallow: readonly Drained[]): Section {
  const of = (runs: readonly Drained[], figure: 'rate' | 'firstMs' | 'fillRate'): number[] =>
    runs.map((one) => one[figure]);
  const ratio = ratios(of(deep, 'rate'), of(shallow, 'rate'));
  const grown = deep.map(({ memory }) => Math.max(...memory.map(({ live }) => live)) - memory[0]!.live);
  const first = median(of(deep, 'firstMs'));
  const row = (records: number, runs: readonly Drained[], against: string): string[] => [
    records.toLocaleString('en-US'),
    spread(of(runs, 'rate')),
    against,
    spread(of(runs, 'firstMs')),
    spread(of(runs, 'fillRate')),
  ];
  return {
    says: `${DEEP.toLocaleString('en-US')} waiting records drain at ${short(median(ratio))}× the rate of ${SHALLOW.toLocaleString('en-US')}, the first of them acknowledged ${short(first)} ms after the connection; what the node holds in memory grew by ${short(median(grown))} MB while they piled up.`,
    method:
      "A node with filter none takes readings from memory while no hub listens; then the hub process starts on the same port and directory, and the clock runs from the node's connection to the last acknowledgement. The node's pause between two dials is not counted (it is held at 100 ms here, at most 30 s in use).",
    noise: `${ROUNDS} rounds, deep and shallow in turns, after one for the compiler; median (smallest–largest); ratios round by round.`,
    tables: [
      {
        head: [
          'backlog, records',
          'drained records/s',
          '× shallow',
          'connection → first acknowledgement, ms',
          'piled up at, records/s',
        ],
        rows: [row(DEEP, deep, spread(ratio)), row(SHALLOW, shallow, '1')],
      },
      {
        head: ['records waiting', ...MEMORY_AT.map((count) => count.toLocaleString('en-US'))],
        rows: [
          ['in use by the main thread after a collection, MB', ...memoryAt(deep, 'live')],
          ['RSS of the process, MB', ...memoryAt(deep, 'rss')],
        ],
      },
    ],
    promises: [
      {
        what: '200,000 deep against shallow',
        promised: '≥ 0.9×',
        reached: `${short(median(ratio))}×`,
        kept: median(ratio) >= 0.9 ? 'yes' : 'no',
      },
      {
        what: 'first message after the uplink is back',
        promised: '≤ 1 s',
        reached: `${short(first / 1_000)} s`,
        kept: first <= 1_000 ? 'yes' : 'no',
      },
      { what: 'readings/s against NATS JetStream', promised: '≥ 1×', reached: '–', kept: 'not measured yet' },
    ],
  };
}

const memoryAt = (runs: readonly Drained[], figure: keyof Memory): string[] =>
  MEMORY_AT.map((_, column) => spread(runs.map(({ memory }) => memory[column]![figure])));

interface Hubs {
  credentialsOf(node: string): string;
  port: number;
  start(): Promise<HubRole>;
}

/** Starts the hub once, so that nodes have credentials and know its port, and takes it away. */
async function hubsOn(folder: string, nodes: readonly string[]): Promise<Hubs> {
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

interface Backlog {
  folder: string;
  worker: JournalWorker;
  hubs: Hubs;
  readings: readonly Reading[];
}

async function backlog({ folder, worker, hubs, readings }: Backlog, name: string): Promise<Drained> {
  const loaded = await loadCredentials(hubs.credentialsOf(name), systemClock.wallMs());
  if (!loaded.ok) throw new Error(loaded.detail);
  const times = { up: 0, first: 0, last: 0 };
  const uplink = timed(
    createMqttUplink(
      { credentials: loaded.credentials, clock: impatientClock, random: systemRandom, logger: errorsOnly },
      { host: '127.0.0.1', port: hubs.port, node: name },
    ),
    times,
  );
  const plan = benchPlan(name, { type: 'none' });
  const memory: Memory[] = [];
  const start = performance.now();
  let filledAt = 0;
  const node = await startEdgeNode(
    {
      journal: worker.journal(join(folder, 'nodes', name), plan.journal),
      uplink,
      clock: systemClock,
      random: systemRandom,
      quarantine: { put: ({ detail }) => errorsOnly.error({ detail }, 'reading refused') },
      logger: errorsOnly,
      createSource: () =>
        fromMemory(readings, memory, () => {
          filledAt = performance.now();
        }),
    },
    plan,
  );
  await node.exhausted;
  const hub = await hubs.start();
  const { forward } = await node.stop(120_000);
  await hub.stop();
  const delivered = forward.lanes.reduce((sum, lane) => sum + lane.delivered, 0);
  if (delivered !== readings.length) throw new Error(`${name}: ${delivered} of ${readings.length} delivered`);
  return {
    rate: (readings.length * 1_000) / (times.last - times.up),
    firstMs: times.first - times.up,
    fillRate: (readings.length * 1_000) / (filledAt - start),
    memory,
  };
}

/** The product's clock, but nobody waits long for the next dial: that pause is not what is measured. */
const impatientClock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(Math.min(ms, 100), run) };

function fromMemory(readings: readonly Reading[], memory: Memory[], onEnd: () => void): Source {
  return {
    canWait: true,
    run: async (sink) => {
      for (let at = 0; at < readings.length; at += BATCH) {
        if (MEMORY_AT.includes(at)) memory.push(await memoryNow());
        const fate = await sink.offer({ readings: readings.slice(at, at + BATCH) });
        if (fate !== 'committed') throw new Error(`offer at ${at}: ${fate}`);
      }
      memory.push(await memoryNow());
      onEnd();
    },
  };
}

/** Notes the connection, and the first and last acknowledgement after it. */
function timed(uplink: Uplink, times: { up: number; first: number; last: number }): Uplink {
  return {
    ...uplink,
    onLink: (listen) =>
      uplink.onLink((connected) => {
        if (connected) times.up = performance.now();
        listen(connected);
      }),
    onAnswer: (listen) =>
      uplink.onAnswer((payload) => {
        const answer = decodeAnswer(payload);
        if (answer.ok && answer.value.items.some(({ type }) => type === 'stored')) {
          times.last = performance.now();
          times.first ||= times.last;
        }
        listen(payload);
      }),
  };
}
