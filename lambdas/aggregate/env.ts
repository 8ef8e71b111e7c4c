import type { ObjectStore } from '../../core/object-store.ts';
import type { Logger } from '../../core/ports.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import type { PartialRow } from '../../core/summary.ts';

/** What aggregate needs of the world. */
export interface AggregatePorts {
  objects: ObjectStore;
  /** @throws Error if the object is damaged */
  decodeRows: (bytes: Uint8Array) => Promise<StoredRow[]>;
  /** The same rows must give the same bytes. */
  encodePartials: (rows: readonly PartialRow[]) => Uint8Array;
  logger: Logger;
}
