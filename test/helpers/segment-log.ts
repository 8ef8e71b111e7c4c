import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { epochOf } from '../../core/identity.ts';
import type { Disk } from '../../core/ports.ts';
import { createLogKeys } from '../../journal/key-ring.ts';
import { createSegmentLog, type SegmentLog } from '../../journal/segment-log.ts';
import type { SegmentPool } from '../../journal/segment-pool.ts';

/** A new log of records on a disk; on files of the pool if there is one, of room for 4,000 bytes. */
export const recordsLogOn = (disk: Disk, pool?: SegmentPool): SegmentLog =>
  createSegmentLog(disk, {
    log: 'records',
    keys: createLogKeys(createMemoryKeyRing(), 'sense', 'records'),
    epoch: epochOf(1n),
    nextSegment: 1,
    truncated: {},
    snapshot: () => null,
    ...(pool && { files: { pool, payloadBytes: 4_000, mayPrepare: () => true } }),
  });
