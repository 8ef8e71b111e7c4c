import * as z from 'zod';
import { bounded, crossIssue } from './bounded.ts';
import { formatBytes } from './bytes.ts';
import { bytesScalar as bytes, durationScalar as duration } from './scalars.ts';

/** The key `journal` of a node in the fleet file. */

const MIB = 1024 ** 2;
const DEFAULT_LOCAL = 256 * MIB;

export const journal = z
  .strictObject({
    maxBytes: bounded(bytes, (value) => value >= MIB, 'at least 1MiB')
      .prefault('1GiB')
      .describe(
        'Bound of everything in the journal directory. When it is reached the lowest class goes first, its oldest records first; critical never goes. Default: 1GiB.',
      ),
    localBytes: bytes
      .optional()
      .describe(
        'How much of it on-demand records may keep; the oldest age out. Default: 256MiB, at most a quarter of maxBytes.',
      )
      .meta({ $comment: 'at most maxBytes' }),
    criticalReserve: bytes
      .optional()
      .describe('The part of it that only critical records may use. Default: a tenth of maxBytes.')
      .meta({ $comment: 'at most half of maxBytes' }),
    deadLetterBytes: bytes
      .optional()
      .describe('The part of it that dead letters may keep; the oldest are discarded. Default: a tenth of maxBytes.')
      .meta({ $comment: 'at most half of maxBytes' }),
    rotateKeys: bounded(duration, (ms) => ms >= 3_600_000, 'at least 1h')
      .prefault('90d')
      .describe('How often the journal gets a new encryption key. Default: 90d.'),
    keyDirectory: z
      .string()
      .min(1)
      .max(4_096)
      .optional()
      .describe(
        'Folder for the encryption keys, on another disk than the journal; relative to the fleet file. Default: the folder of the node.',
      ),
  })
  .transform(({ localBytes, ...rest }) => ({
    ...rest,
    localBytes: localBytes ?? Math.min(DEFAULT_LOCAL, Math.floor(rest.maxBytes / 4)),
  }))
  .superRefine((config, context) => {
    const { maxBytes, localBytes, criticalReserve = maxBytes / 10, deadLetterBytes = maxBytes / 10 } = config;
    const all = `of maxBytes, which is ${formatBytes(maxBytes)}`;
    const shares = { criticalReserve, deadLetterBytes };
    const tooLarge = (Object.keys(shares) as (keyof typeof shares)[]).filter((key) => shares[key] > maxBytes / 2);
    for (const key of tooLarge) context.addIssue(crossIssue(key, `at most half ${all}`));
    if (localBytes > maxBytes) {
      context.addIssue(crossIssue('localBytes', `at most all ${all}`));
    } else if (tooLarge.length === 0 && localBytes + criticalReserve + deadLetterBytes > maxBytes) {
      const parts = [
        `localBytes ${formatBytes(localBytes)}`,
        `criticalReserve ${formatBytes(criticalReserve)}`,
        `deadLetterBytes ${formatBytes(deadLetterBytes)}`,
      ].join(' + ');
      context.addIssue(crossIssue('maxBytes', `at least ${parts}`, formatBytes(maxBytes)));
    }
  });
