import * as z from 'zod';
import { bounded } from '../bounded.ts';
import { bytesScalar, nameScalar } from '../scalars.ts';

const path = z.string().min(1).max(4_096);
const key = z.string().min(1).max(200);
const deviceNames = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}\*?$/, 'the name of a device, or the beginning of names and *: press-*');

/** Devices publish to the node itself. The keys up to `maxRate` belong to the port: groups on one port agree on them. */
export const listenSource = z
  .strictObject({
    type: z.literal('listen'),
    host: z
      .string()
      .min(1)
      .max(253)
      .default('0.0.0.0')
      .describe('Address to listen on. Default: 0.0.0.0, all networks of the machine.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .default(8884)
      .describe('MQTT over mutual TLS; several groups of a node may share it. Default: 8884.'),
    credentials: path
      .default('listener/{node}')
      .describe(
        'Folder with listener.crt, listener.key and ca.crt, relative to the fleet file; {node} is the name of the node. Default: listener/{node}.',
      ),
    ca: path
      .optional()
      .describe(
        'Certificate of the authority that devices must be certified by, relative to the fleet file. Default: ca.crt in credentials.',
      ),
    maxInFlight: z
      .int()
      .min(1)
      .max(1_000)
      .default(32)
      .describe(
        'Messages that a device may have unacknowledged at a time; twice as many are remembered for each, so that what is sent again is known. Default: 32.',
      ),
    maxPayload: bounded(bytesScalar, (value) => value >= 64 && value <= 1024 ** 2, 'between 64B and 1MiB')
      .prefault('64KiB')
      .describe('A device that sends more in one message is cut off. Default: 64KiB.'),
    maxRate: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Messages a second of each device; what is more has to wait. Default: 1000.'),
    topic: z
      .string()
      .min(1)
      .max(200)
      .default('{device}/{stream}')
      .describe('Topics of the group: words and {device}, {stream} between slashes. Default: {device}/{stream}.'),
    format: z
      .enum(['value', 'text', 'object'])
      .default('value')
      .describe(
        'What a message holds. value: one JSON value; text: the value as plain text; object: a JSON object, or a list of them. Default: value.',
      ),
    value: key
      .optional()
      .describe('With object and {stream} in the topic: the key that holds the value. Default: value.'),
    columns: z
      .record(nameScalar, key)
      .optional()
      .describe('With object and no {stream} in the topic: stream name → key that holds its value.'),
    time: z
      .strictObject({
        column: key.describe('The key that holds the time.'),
        format: z.enum(['iso', 'epoch-ms', 'epoch-s']).default('iso').describe('Default: iso; without zone it is UTC.'),
      })
      .optional()
      .describe('With object: where the time of a reading stands. Default: the time of arrival.'),
    gateways: z
      .record(nameScalar, z.array(deviceNames).min(1).max(1_000))
      .default({})
      .describe(
        'Name in the certificate of a gateway → devices that it may publish for: names, or beginnings with *, such as press-*.',
      ),
  })
  .describe('Devices publish by MQTT over mutual TLS to the node itself (docs/listen.md).');
export type ListenSourceConfig = z.output<typeof listenSource>;
