import { join } from 'node:path';
import { openByteCodec } from '../../adapters/compression/byte-codec.ts';
import { loadCredentials } from '../../adapters/embedded/credentials.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { systemRandom } from '../../adapters/embedded/system-random.ts';
import { createMqttUplink } from '../../adapters/mqtt/uplink.ts';
import { decodeAnswer } from '../../core/messages.ts';
import type { NodePlan } from '../../core/node-plan.ts';
import type { Clock, SourceSink, Uplink } from '../../core/ports.ts';
import type { Reading } from '../../core/reading.ts';
import { startEdgeNode } from '../../edge/node.ts';
import type { Journal } from '../../journal/journal-port.ts';
import type { JournalWorker } from '../../journal/worker-client.ts';
import type { HubRole } from './hub-role.ts';
import { errorsOnly } from './logger.ts';
import { type Memory, memoryNow } from './memory.ts';
import { benchPlan, STREAMS } from './small-factory.ts';
import { until } from './waiting.ts';

const BATCH = 1_000;
/** Readings of this stream are critical here; the backlog has none of them but the last. */
export const CRITICAL_STREAM = STREAMS.at(-1)!;
/** The drain's share after which the readings are offered whose delay is measured. */
const PROBE_AT = 0.2;

export interface Drained {
  /** Records a second from the connection to the last acknowledgement. */
  rate: number;
  /** From the connection to the first acknowledgement, ms. */
  firstMs: number;
  /** From the connection to the acknowledgement of the critical reading that came last while the hub was away, ms. */
  criticalMs: number;
  /** Whether that was in the first envelope sent. */
  criticalFirst: boolean;
  /** From the offer to the acknowledgement of a reading that came while the backlog drained, ms. */
  during: { critical: number; live: number } | undefined;
  /** Records/s into the journal while the hub is away. */
  fillRate: number;
  /** At each of `memoryAt`. */
  memory: Memory[];
}

export interface Backlog {
  folder: string;
  worker: JournalWorker;
  hubs: { credentialsOf(node: string): string; port: number; start(): Promise<HubRole> };
  readings: readonly Reading[];
  memoryAt: readonly number[];
  /** Whether readings are offered while it drains. */
  probe: boolean;
}

/** Piles up readings in a node while no hub listens, starts the hub, and watches the backlog go. */
export async function drainBacklog(backlog: Backlog, name: string): Promise<Drained> {
  const { folder, worker, hubs, readings } = backlog;
  const loaded = await loadCredentials(hubs.credentialsOf(name), systemClock.wallMs());
  if (!loaded.ok) throw new Error(loaded.detail);
  const watch = createWatch();
  const uplink = watch.uplink(
    createMqttUplink(
      { credentials: loaded.credentials, clock: impatientClock, random: systemRandom, logger: errorsOnly },
      { host: '127.0.0.1', port: hubs.port, node: name },
    ),
  );
  const plan = planWithCritical(name);
  const memory: Memory[] = [];
  const start = performance.now();
  let filledAt = 0;
  let during: Drained['during'];
  const critical = readings.find(({ stream }) => stream === CRITICAL_STREAM)!;
  const others = readings.filter((reading) => reading !== critical);
  const now = (reading: Reading): Reading => ({ ...reading, ts: Date.now() });
  const run = async (sink: SourceSink): Promise<void> => {
    const offer = async (some: readonly Reading[]): Promise<void> => {
      const fate = await sink.offer({ readings: some });
      if (fate !== 'committed') throw new Error(`offer: ${fate}`);
    };
    for (let at = 0; at < others.length; at += BATCH) {
      if (backlog.memoryAt.includes(at)) memory.push(await memoryNow());
      await offer(others.slice(at, at + BATCH));
    }
    memory.push(await memoryNow());
    await offer([critical]);
    watch.expect('waiting');
    filledAt = performance.now();
    if (!backlog.probe) return;
    await until(
      'a part of the backlog has gone',
      () => watch.stored > PROBE_AT * readings.length || undefined,
      600_000,
    );
    const begun = performance.now();
    await offer([now(others[0]!)]);
    watch.expect('live');
    const criticalBegun = performance.now();
    await offer([now(critical)]);
    watch.expect('critical');
    during = {
      live: (await watch.acknowledged('live')) - begun,
      critical: (await watch.acknowledged('critical')) - criticalBegun,
    };
  };
  const node = await startEdgeNode(
    {
      journal: watch.journal(worker.journal(join(folder, 'nodes', name), plan.journal)),
      uplink,
      codec: await openByteCodec(),
      clock: systemClock,
      random: systemRandom,
      quarantine: { put: ({ detail }) => errorsOnly.error({ detail }, 'reading refused') },
      logger: errorsOnly,
      createSource: () => ({ canWait: true, run }),
    },
    plan,
  );
  await until('the backlog has piled up', () => filledAt || undefined, 600_000);
  const hub = await hubs.start();
  const criticalAt = await watch.acknowledged('waiting');
  await node.exhausted;
  const { forward } = await node.stop(600_000);
  await hub.stop();
  const delivered = forward.lanes.reduce((sum, lane) => sum + lane.delivered, 0);
  const expected = readings.length + (backlog.probe ? 2 : 0);
  if (delivered !== expected) throw new Error(`${name}: ${delivered} of ${expected} delivered`);
  return {
    rate: (readings.length * 1_000) / (watch.lastAt - watch.upAt),
    firstMs: watch.firstAt - watch.upAt,
    criticalMs: criticalAt - watch.upAt,
    criticalFirst: watch.firstTraffic === 'critical',
    during,
    fillRate: (readings.length * 1_000) / (filledAt - start),
    memory,
  };
}

/** The product's clock, but nobody waits long for the next dial: that pause is not what is measured. */
const impatientClock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(Math.min(ms, 100), run) };

function planWithCritical(name: string): NodePlan {
  const plan = benchPlan(name, { type: 'none' });
  return {
    ...plan,
    sources: plan.sources.map((source) => ({
      ...source,
      streams: source.streams.map((stream) => (stream.name === CRITICAL_STREAM ? { ...stream, lane: 0 } : stream)),
    })),
  };
}

/** Follows single records from their commit to their acknowledgement. */
function createWatch() {
  let epoch = '';
  let last: { lane: number; position: number } | undefined;
  const expected = new Map<string, { lane: number; position: number; at: number }>();
  const seen: { lane: number; from: number; to: number; at: number }[] = [];
  const watch = { upAt: 0, firstAt: 0, lastAt: 0, stored: 0, firstTraffic: '' };
  return {
    get upAt() {
      return watch.upAt;
    },
    get firstAt() {
      return watch.firstAt;
    },
    get lastAt() {
      return watch.lastAt;
    },
    get stored() {
      return watch.stored;
    },
    get firstTraffic() {
      return watch.firstTraffic;
    },
    /** The record that was committed last is followed under this name. */
    expect(name: string): void {
      if (!last) throw new Error('nothing was committed');
      expected.set(name, { ...last, at: 0 });
    },
    /** When it was, by performance.now(). */
    acknowledged: (name: string): Promise<number> =>
      until(
        `${name} is acknowledged`,
        () => {
          const one = expected.get(name);
          return (
            one && seen.find(({ lane, from, to }) => lane === one.lane && from <= one.position && one.position < to)?.at
          );
        },
        600_000,
      ),
    journal: (journal: Journal): Journal => ({
      ...journal,
      async open() {
        const opening = await journal.open();
        epoch = opening.epoch;
        return opening;
      },
      async append(commit) {
        const result = await journal.append(commit);
        const [lane] = result.ok ? result.lanes : [];
        if (lane) last = { lane: lane.lane, position: lane.first + lane.count - 1 };
        return result;
      },
    }),
    uplink: (uplink: Uplink): Uplink => ({
      ...uplink,
      send(traffic, payload) {
        // Questions are JSON and small; the first envelope is what counts.
        if (payload[0] !== 0x7b) watch.firstTraffic ||= traffic;
        return uplink.send(traffic, payload);
      },
      onLink: (listen) =>
        uplink.onLink((connected, ...rest) => {
          if (connected) watch.upAt = performance.now();
          listen(connected, ...rest);
        }),
      onAnswer: (listen) =>
        uplink.onAnswer((payload) => {
          const answer = decodeAnswer(payload);
          for (const item of answer.ok ? answer.value.items : []) {
            if (item.type !== 'stored' || item.epoch !== epoch) continue;
            watch.lastAt = performance.now();
            watch.firstAt ||= watch.lastAt;
            for (const range of item.ranges) {
              watch.stored += range.to - range.from;
              seen.push({ lane: item.lane, ...range, at: watch.lastAt });
            }
          }
          listen(payload);
        }),
    }),
  };
}
