import { CLOUD_MUTANTS } from './mutants/cloud.ts';
import { DEAD_LETTERS_MUTANTS } from './mutants/dead-letters.ts';
import { DISK_MUTANTS } from './mutants/disk.ts';
import { FAILOVER_MUTANTS } from './mutants/failover.ts';
import { FATES_MUTANTS } from './mutants/fates.ts';
import { FORWARD_MUTANTS } from './mutants/forward.ts';
import { INGEST_MUTANTS } from './mutants/ingest.ts';
import { LISTEN_MUTANTS } from './mutants/listen.ts';
import type { Mutant } from './mutants/mutant.ts';
import { PULL_MUTANTS } from './mutants/pull.ts';
import { RECOVERY_MUTANTS } from './mutants/recovery.ts';
import { ROOM_MUTANTS } from './mutants/room.ts';
import { SENSE_MUTANTS } from './mutants/sense.ts';
import { WINDOWS_MUTANTS } from './mutants/windows.ts';

export type { Mutant };

/** Every planted bug, by what it is in. */
export const MUTANTS: readonly Mutant[] = [
  ...DISK_MUTANTS,
  ...RECOVERY_MUTANTS,
  ...ROOM_MUTANTS,
  ...SENSE_MUTANTS,
  ...LISTEN_MUTANTS,
  ...PULL_MUTANTS,
  ...FORWARD_MUTANTS,
  ...FATES_MUTANTS,
  ...DEAD_LETTERS_MUTANTS,
  ...FAILOVER_MUTANTS,
  ...WINDOWS_MUTANTS,
  ...INGEST_MUTANTS,
  ...CLOUD_MUTANTS,
];
