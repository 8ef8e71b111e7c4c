import type { LaneKey } from '../core/identity.ts';
import type { Logger } from '../core/ports.ts';
import type { RangeSet } from '../core/ranges.ts';
import type { StoredRow } from '../core/stored-row.ts';
import type { Problem } from './check-node.ts';
import type { FarLedger } from './far-ledger.ts';

/** `hub`: one process on one store. `cloud`: a queue, several functions at once, objects and an index table. */
export const FAR_SIDES = ['hub', 'cloud'] as const;
export type FarSideKind = (typeof FAR_SIDES)[number];

/** Ingest in processes that die, on a store of record that does not forget. */
export interface FarSide {
  readonly kind: FarSideKind;
  /** A message arrives, however often the network brings it. */
  deliver(client: string, payload: Uint8Array): void;
  /** All its processes die. */
  crash(reason: string): void;
  /** Nothing is handled while it is deaf; links stay up. */
  deaf: boolean;
  crashes(): number;
  /** From now on nothing fails any more. */
  heal(): void;
  /** Nothing is under way in it. */
  settled(): boolean;
  /** What is wrong in it once nothing is under way. */
  checkAtRest(ledger: FarLedger): Promise<Problem | undefined>;
}

/** Whom a far side tells what became of its store. */
export interface FarSidePorts {
  /** As it calls itself in its answers. */
  id: string;
  logger: Logger;
  /** Publishes an answer. */
  answer: (client: string, payload: Uint8Array) => void;
  /** A lane's index changed. */
  indexed: (key: LaneKey, stored: RangeSet, givenUp: RangeSet) => void;
  /** Queries see these rows from now on. */
  appeared: (rows: readonly StoredRow[]) => void;
  /** Queries do not see these rows any more. */
  vanished: (rows: readonly StoredRow[]) => void;
}
