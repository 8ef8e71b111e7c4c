import * as z from 'zod';
import { bounded } from './bounded.ts';
import { budget } from './budget-schema.ts';
import { FILTERS } from './filters/schema.ts';
import { journal } from './fleet-journal.ts';
import { listenSource } from './listen/schema.ts';
import { PRIORITIES } from './priority.ts';
import { priorities } from './priority-schema.ts';
import { STREAM_KINDS } from './reading.ts';
import { bytesScalar as bytes, durationScalar as duration, nameScalar as name } from './scalars.ts';
import { type SimulateModel, simulateModel } from './simulate/schema.ts';
import { failover, hubClientLimits, link, uplinks } from './uplink-schema.ts';

/** Real time means: at most one second (docs/adr/0004-time.md). */
export const REAL_TIME_MS = 1_000;

/** The longest that a record may wait: beyond it a person means on-demand. */
const MAX_SYNC_MS = 7 * 86_400_000;

const MIB = 1024 ** 2;
const text = z.string().max(1_000);
/** Timers overflow at 24 days and a source that never rests starves the node, so ticks have both bounds. */
const tick = bounded(duration, (ms) => ms >= 10 && ms <= 86_400_000, 'between 10ms and 1d');
const port = z.int().min(0).max(65_535);

const stream = z.strictObject({
  kind: z.enum(STREAM_KINDS).default('number').describe('What the stream carries. Default: number.'),
  unit: z.string().max(32).optional().describe('Unit of the value, such as °C or mm/s.'),
  description: text.optional(),
  filter: FILTERS.prefault({ type: 'none' }).describe('What may stay behind. Default: none, everything travels.'),
  priority: z.enum(PRIORITIES).default('normal').describe('Which lane its records take. Default: normal.'),
  sync: z
    .union(
      [
        z.literal('real-time').transform(() => REAL_TIME_MS),
        z.literal('on-demand'),
        bounded(duration, (ms) => ms <= MAX_SYNC_MS, 'at most 7d'),
      ],
      { error: 'a duration such as 30s or 5m (at most 7d), real-time or on-demand' },
    )
    .prefault('1m')
    .describe('The longest a record waits before it leaves: a duration, real-time (1 s), or on-demand. Default: 1m.'),
  simulate: simulateModel.optional().describe('How a simulated device makes this stream.'),
});
export type StreamConfig = z.output<typeof stream>;
export type { SimulateModel };

const simulateSource = z
  .strictObject({
    type: z.literal('simulate'),
    every: tick.prefault('1s').describe('Time between two readings of a stream. Default: 1s.'),
  })
  .describe('Seeded device models that look like machines.');
const systemSource = z
  .strictObject({
    type: z.literal('system'),
    every: tick.prefault('1s').describe('Time between two readings. Default: 1s.'),
  })
  .describe('The machine that the node runs on: cpu, memory, disk, network, temperature.');
const fileSource = z
  .strictObject({
    type: z.literal('file'),
    path: z.string().min(1).max(4_096).describe('The file, relative to the fleet file.'),
    format: z.enum(['csv', 'ndjson']).default('csv').describe('Default: csv.'),
    time: z
      .strictObject({
        column: z.string().describe('The column (CSV) or key (NDJSON) that holds the time.'),
        format: z.enum(['iso', 'epoch-ms', 'epoch-s']).default('iso').describe('Default: iso; without zone it is UTC.'),
      })
      .optional()
      .describe('Where the time of a reading stands. Default: the time of arrival.'),
    device: z
      .string()
      .optional()
      .describe(
        'The column that names the device, as the group names its devices: group-001 and on. Default: the one device of the group.',
      ),
    columns: z.record(name, z.string()).describe('Stream name → column or key that holds its value.'),
    pace: z
      .enum(['fast', 'recorded'])
      .default('fast')
      .describe('fast: as the journal takes it; recorded: at the pace of its times. Default: fast.'),
  })
  .describe('Replay of a CSV or NDJSON file.');
const source = z.discriminatedUnion('type', [simulateSource, systemSource, fileSource, listenSource]);
export type SourceConfig = z.output<typeof source>;
export type FileSourceConfig = z.output<typeof fileSource>;

const deviceGroup = z.strictObject({
  description: text.optional(),
  count: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Devices per node, named group-001 …; without it one device named like the group.'),
  streams: z.array(name).min(1).max(1_000).describe('Names of streams that each device has.'),
  source: source.describe('Where the readings come from.'),
});
export type DeviceGroupConfig = z.output<typeof deviceGroup>;

const node = z.strictObject({
  name: name.describe('With a count: the prefix of the names, name-001 ….'),
  count: z.int().min(1).max(10_000).optional().describe('That many nodes of this form.'),
  site: name.describe('The site that the node stands on.'),
  deviceGroups: z.array(name).min(1).max(1_000),
  journal: journal.prefault({}),
});
export type NodeConfig = z.output<typeof node>;

const hub = z.strictObject({
  host: z
    .string()
    .min(1)
    .max(253)
    .default('127.0.0.1')
    .describe('Name or address that nodes dial. Default: 127.0.0.1.'),
  mqttPort: port.default(8883).describe('MQTT over mutual TLS; 0 = any free port. Default: 8883.'),
  httpPort: port.default(8080).describe('HTTP on localhost; 0 = any free port. Default: 8080.'),
  sealEvery: bounded(duration, (ms) => ms >= 1_000 && ms <= 3_600_000, 'between 1s and 1h')
    .prefault('15m')
    .describe('How often staged rows become Parquet files. Default: 15m.'),
  sealRows: z.int().min(1_000).max(10_000_000).default(200_000).describe('… or at this many rows. Default: 200000.'),
  queryTimeout: bounded(duration, (ms) => ms >= 1 && ms <= 3_600_000, 'between 1ms and 1h')
    .prefault('30s')
    .describe('A query is interrupted after this time. Default: 30s.'),
  queryMemory: bytes.prefault('512MiB').describe('Memory a query may use. Default: 512MiB.'),
  ...hubClientLimits,
});

const cloud = z
  .strictObject({
    bulkWindow: bounded(duration, (ms) => ms <= 300_000 && ms % 1_000 === 0, 'whole seconds up to 5m')
      .prefault('20s')
      .describe(
        'How long high, normal and low envelopes are collected into one batch, so into one object. Default: 20s.',
      ),
    ingestMemory: bounded(
      bytes,
      (value) => value >= 512 * MIB && value <= 10_240 * MIB && value % MIB === 0,
      'whole MiB from 512MiB to 10GiB, such as 2GiB',
    )
      .prefault('1769MiB')
      .describe(
        'Memory of the ingest functions; Lambda gives processors in proportion. Default: 1769MiB, one processor.',
      ),
    scanLimit: bounded(bytes, (value) => value >= 10 * 1000 ** 2, 'at least 10MB, the least that Athena bills')
      .prefault('10GB')
      .describe('A query of the Athena workgroup that reads more is ended. Default: 10GB.'),
    logDays: z
      .union([z.literal(7), z.literal(30), z.literal(90), z.literal(365)], { error: '7, 30, 90 or 365' })
      .default(30)
      .describe('How long logs of the functions are kept, days. Default: 30.'),
    alarmEmail: z.email({ error: 'an e-mail address' }).optional().describe('Told of alarms and of critical records.'),
  })
  .describe('The account side: stacks made by `headwater deploy`.');
export type CloudConfig = z.output<typeof cloud>;

const demo = z.strictObject({
  sync: bounded(duration, (ms) => ms <= MAX_SYNC_MS, 'at most 7d')
    .optional()
    .describe('No stream waits longer than this.'),
  nodes: z.int().min(1).optional().describe('That many nodes at most.'),
  devices: z.int().min(1).optional().describe('That many devices of a group at most.'),
});

export const fleetSchema = z
  .strictObject({
    version: z.literal(1).describe('Version of this format: 1.'),
    name,
    description: text.optional(),
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(1)
      .describe('Seed of the simulated devices. Default: 1.'),
    sites: z.record(name, z.strictObject({ description: text.optional() })).describe('Places that nodes stand on.'),
    streams: z.record(name, stream).describe('What devices measure, and how it is filtered and sent.'),
    deviceGroups: z.record(name, deviceGroup).describe('Devices that are alike.'),
    nodes: z.array(node).min(1).max(10_000),
    priorities: priorities.prefault({}),
    budget: budget.prefault({}),
    uplink: uplinks,
    failover: failover.prefault({}),
    link: link.prefault({}),
    hub: hub.prefault({}),
    cloud: cloud.prefault({}),
    demo: demo
      .optional()
      .describe('Overlay for a laptop: short intervals, fewer nodes. start --as-declared ignores it.'),
  })
  .describe('A Headwater fleet: sites, nodes, devices, streams, uplink, hub.');

/** A fleet file after validation: durations in ms, sizes in bytes, defaults filled in. */
export type Fleet = z.output<typeof fleetSchema>;

/** The JSON Schema of what a person writes, for editors. */
export const fleetJsonSchema = (): unknown => z.toJSONSchema(fleetSchema, { io: 'input' });
