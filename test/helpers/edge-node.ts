import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../../adapters/memory/record-store.ts';
import { createMemoryUplink } from '../../adapters/memory/uplink.ts';
import { NO_BUDGET } from '../../core/budget-schema.ts';
import type { KeyRing } from '../../core/key-ring.ts';
import type { NodePlan, SourcePlan, StreamPlan } from '../../core/node-plan.ts';
import type {
  Clock,
  Logger,
  QuarantineEntry,
  Source,
  SourceBatch,
  SourceSink,
  SourceState,
  Uplink,
} from '../../core/ports.ts';
import { PRIORITY_CONTRACT } from '../../core/priority.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { type EdgeNode, type EdgeNodePorts, startEdgeNode } from '../../edge/node.ts';
import { createJournal } from '../../journal/journal.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { byteCodec } from './byte-codec.ts';

export const MINUTE = 60_000;

export function streamPlan(name: string, rest: Partial<StreamPlan> = {}): StreamPlan {
  return {
    name,
    kind: 'number',
    unit: undefined,
    filter: { type: 'none' },
    lane: 2,
    syncMs: MINUTE,
    simulate: undefined,
    ...rest,
  };
}

export function nodePlan(streams: readonly StreamPlan[], rest: Partial<NodePlan> = {}): NodePlan {
  return {
    fleet: 'test',
    node: 'node-1',
    site: 'site-1',
    seed: 1,
    journal: { maxBytes: 16 * 1024 ** 2, localBytes: 1024 ** 2, rotateKeys: 90 * 86_400_000 },
    priorities: PRIORITY_CONTRACT,
    budget: NO_BUDGET,
    uplinks: [{ name: 'hub', type: 'hub', host: '127.0.0.1', port: 1 }],
    failover: { unreachableFor: 60_000, silentFor: 180_000, probeEvery: 60_000, steadyFor: 30_000 },
    sources: [{ name: 'bench', config: { type: 'simulate', every: 1_000 }, devices: ['m-1', 'm-2'], streams }],
    ...rest,
  };
}

const rings = new WeakMap<MemoryDisk, KeyRing>();

/** Keys outlive a process as its disk does. */
function keysOf(disk: MemoryDisk): KeyRing {
  const ring = rings.get(disk) ?? createMemoryKeyRing();
  rings.set(disk, ring);
  return ring;
}

/** A node with a hand-driven source on memory ports. `restart` opens the same disk again, as after a crash. */
export async function startTestNode(
  plan: NodePlan,
  options: {
    canWait?: boolean;
    /** @default a source driven by hand */
    createSource?: (plan: SourcePlan, clock: Clock, logger: Logger) => Source;
    disk?: MemoryDisk;
    farSide?: string;
    wrapDisk?: (disk: MemoryDisk) => MemoryDisk;
    /** The node's way out, opened anew for each life. @default `uplink`, to the store of this node */
    openUplink?: (clock: Clock, logger: Logger) => Uplink;
  } = {},
) {
  const clock = createManualClock();
  const disk = options.disk ?? createMemoryDisk();
  const store: MemoryRecordStore = createMemoryRecordStore(options.farSide ?? 'far-1');
  const logger = createMemoryLogger();
  const keys = keysOf(disk);
  const audit = createMemoryAudit();
  const ingest = createIngest({
    store,
    codec: byteCodec,
    nowMs: clock.wallMs,
    logger,
    audit,
    mayCarry: (client, node) => client === node,
  });
  const quarantine: QuarantineEntry[] = [];
  let seed = 1n;
  let startedWith: SourceState = {};
  const launch = async () => {
    let sink: SourceSink | undefined;
    const uplink = createMemoryUplink(ingest, plan.node);
    const wayOut = options.openUplink?.(clock, logger) ?? uplink;
    const journalDisk = options.wrapDisk ? options.wrapDisk(disk) : disk;
    const journal = createJournal(
      { disk: journalDisk, clock, random: createSeededRandom(seed++), logger, keys },
      plan.journal,
    );
    const ports: EdgeNodePorts = {
      journal,
      uplink: wayOut,
      codec: byteCodec,
      clock,
      random: createSeededRandom(seed++),
      logger,
      quarantine: { put: (entry) => void quarantine.push(entry) },
      createSource: (source) =>
        options.createSource?.(source, clock, logger) ?? {
          canWait: options.canWait ?? false,
          run: (given, _position, signal, state) => {
            sink = given;
            startedWith = state;
            return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
          },
        },
    };
    const node = await startEdgeNode(ports, plan);
    return { node, uplink, wayOut, offer: (batch: SourceBatch) => sink!.offer(batch) };
  };
  let running = await launch();
  return {
    clock,
    disk,
    store,
    logger,
    quarantine,
    get node(): EdgeNode {
      return running.node;
    },
    get uplink() {
      return running.uplink;
    },
    /** What the source was given back at the last start. */
    startedWith: () => startedWith,
    offer: (batch: SourceBatch) => running.offer(batch),
    /** Readings of one stream of m-1, one second apart. */
    send: (stream: string, ...values: unknown[]) =>
      running.offer({
        readings: values.map((value, index) => ({ device: 'm-1', stream, value, ts: clock.wallMs() + index })),
      }),
    /** Forgets the process without closing anything; what is not on the disk is gone. */
    async crash() {
      running.uplink.setLink(false);
      await running.wayOut.close();
      running = await launch();
    },
  };
}

/** Lets everything that is ready run: promises, and the turns between them. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
