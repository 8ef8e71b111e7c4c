import { PRODUCER } from '../core/identity.ts';
import type { KeyRing } from '../core/key-ring.ts';
import type { Clock, Disk, Logger, Random } from '../core/ports.ts';
import { createLogKeys, type LogKeys, type LogName } from './key-ring.ts';
import type { OpenJournal } from './open-journal.ts';
import { type Quota, quotaOf } from './quota.ts';

const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENTS_OF_QUOTA = 16;
/** Shares of the quota. */
const CRITICAL_SHARE = 1 / 10;
const DEAD_LETTER_SHARE = 1 / 10;
const ASIDE_SHARE = 1 / 64;
const SPARE_SHARE = 1 / 16;

export interface JournalPorts {
  disk: Disk;
  clock: Clock;
  random: Random;
  logger: Logger;
  keys: KeyRing;
}

export interface JournalConfig {
  /** Of the records' identity: part of the derivation of the data keys. @default that of a plain node */
  producer?: string | undefined;
  /** Bound of everything in the directory. When it is reached the lowest class goes first; critical never does. */
  maxBytes: number;
  /** Share of it that records which stay local may keep. */
  localBytes: number;
  /** Share of it that only critical records may use. @default a tenth of it */
  criticalReserve?: number | undefined;
  /** Share of it that dead letters may keep; the oldest are discarded. @default a tenth of it */
  deadLetterBytes?: number | undefined;
  /** Age at which the journal gets a new key, ms. @default never by itself */
  rotateKeys?: number | undefined;
  /** Room kept so that a full disk can get going again. @default 0 */
  ballastBytes?: number | undefined;
}

/** A configuration with everything worked out that follows from it. */
export interface JournalSetup extends JournalPorts {
  producer: string;
  maxBytes: number;
  localBytes: number;
  deadLetterBytes: number;
  rotateKeysMs: number;
  ballastBytes: number;
  /** Of damaged stretches that are kept. */
  asideBytes: number;
  /** Of segments that are kept to be used again. */
  spareBytes: number;
  /** What a segment holds at least. */
  segmentBytes: number;
  keysOf(log: LogName): LogKeys;
  /** As the segments are now: their heads grow and shrink. */
  quotaNow(journal: OpenJournal): Quota;
}

export function setUpJournal(ports: JournalPorts, config: JournalConfig): JournalSetup {
  const { localBytes, ballastBytes = 0, producer = PRODUCER } = config;
  // The ballast lies in the directory too.
  const maxBytes = config.maxBytes - ballastBytes;
  const criticalReserve = config.criticalReserve ?? Math.floor(maxBytes * CRITICAL_SHARE);
  return {
    ...ports,
    producer,
    maxBytes,
    localBytes,
    deadLetterBytes: config.deadLetterBytes ?? Math.floor(maxBytes * DEAD_LETTER_SHARE),
    rotateKeysMs: config.rotateKeys ?? Number.POSITIVE_INFINITY,
    ballastBytes,
    asideBytes: Math.floor(maxBytes * ASIDE_SHARE),
    spareBytes: Math.floor(maxBytes * SPARE_SHARE),
    segmentBytes: Math.min(MAX_SEGMENT_BYTES, Math.floor(maxBytes / SEGMENTS_OF_QUOTA)),
    keysOf: (log) => createLogKeys(ports.keys, producer, log),
    quotaNow: ({ log }) => quotaOf(maxBytes, log.capacity, criticalReserve),
  };
}
