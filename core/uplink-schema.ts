import * as z from 'zod';
import { bounded } from './bounded.ts';
import { bytesScalar as bytes, durationScalar as duration, nameScalar } from './scalars.ts';

/** The keys of the fleet file about the ways out: `uplink`, `failover`, `link`. */

export const MAX_UPLINKS = 4;
const port = z.int().min(0).max(65_535);
const name = nameScalar
  .optional()
  .describe(
    'What logs, status and the folder of its credentials call it. Default: its type, hub or iot-core; the second of a type is hub-2.',
  );

const hubUplink = z
  .strictObject({
    type: z.literal('hub'),
    name,
    host: z.string().min(1).max(253).optional().describe('Default: hub.host.'),
    port: port.optional().describe('Default: hub.mqttPort.'),
  })
  .describe('A hub.');
const iotCoreUplink = z
  .strictObject({
    type: z.literal('iot-core'),
    name,
    endpoint: z
      .string()
      .max(253)
      .regex(
        /^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$/,
        'a host name, without https:// and without a port (that is `port`)',
      )
      .optional()
      .describe("Host of the account's device data endpoint. Default: what `provision` wrote beside the credentials."),
    port: port.default(8883).describe('Default: 8883.'),
  })
  .describe('AWS IoT Core, made by `headwater deploy`.');

const uplink = z.discriminatedUnion('type', [hubUplink, iotCoreUplink]);
export type UplinkConfig = z.output<typeof uplink>;

export const uplinks = z
  .array(uplink)
  .min(1)
  .max(MAX_UPLINKS)
  .prefault([{ type: 'hub' }])
  .describe(
    'Where nodes deliver to, in order of preference: the next one is used while the ones before it do not serve. Default: the hub.',
  );

const between = (shortest: string, longest: string, from: number, to: number) =>
  bounded(duration, (ms) => ms >= from && ms <= to, `between ${shortest} and ${longest}`);

const SECOND = 1_000;
const HOUR = 3_600_000;
export const failover = z
  .strictObject({
    unreachableFor: between('5s', '1h', 5 * SECOND, HOUR)
      .prefault('1m')
      .describe('The next uplink is tried when there was no connection for so long. Default: 1m.'),
    silentFor: between('10s', '1h', 10 * SECOND, HOUR)
      .prefault('3m')
      .describe('… or when something was sent and nothing at all was answered for so long. Default: 3m.'),
    probeEvery: between('5s', '1h', 5 * SECOND, HOUR)
      .prefault('1m')
      .describe('First pause between two looks at a preferred uplink; it doubles up to 10m. Default: 1m.'),
    steadyFor: between('0s', '1h', 0, HOUR)
      .prefault('30s')
      .describe('A preferred uplink must answer again after so long before it is used again. Default: 30s.'),
  })
  .describe('When a node goes on to the next uplink, and when it returns.');

/** Below it the largest envelope would take longer than any far side waits for it. */
const MIN_LINK_BYTES = 8 * 1024;
export const link = z
  .strictObject({
    bytesPerSecond: bounded(bytes, (value) => value >= MIN_LINK_BYTES, 'at least 8KiB')
      .optional()
      .describe('What all of them together may send a second. Default: no bound.'),
  })
  .describe('The way out that all nodes of one process share, in equal parts.');

/** A PINGREQ waits behind what is held back, so that must never take as long as a keepalive. */
const MIN_CLIENT_MESSAGES = 100;
const MIN_CLIENT_BYTES = 64 * 1024;
/** Keys of `hub` that keep one node from starving the others. */
export const hubClientLimits = {
  clientMessages: z
    .int()
    .min(MIN_CLIENT_MESSAGES)
    .max(1_000_000)
    .default(2_000)
    .describe('Messages a second that the hub reads from one node; more wait in its connection. Default: 2000.'),
  clientBytes: bounded(bytes, (value) => value >= MIN_CLIENT_BYTES, 'at least 64KiB')
    .prefault('16MiB')
    .describe('Bytes a second that the hub reads from one node; more wait in its connection. Default: 16MiB.'),
};
