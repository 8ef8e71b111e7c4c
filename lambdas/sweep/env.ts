import type { ItemTable } from '../../core/item-table.ts';
import type { ObjectStore } from '../../core/object-store.ts';
import type { Logger } from '../../core/ports.ts';

/** What the sweep needs of the world. */
export interface SweepPorts {
  objects: ObjectStore;
  /** Remembers where a sweep that ran out of time goes on. */
  table: ItemTable;
  /** Brings a batch that was left staged to its end. */
  finishStaged: (batch: string) => Promise<'landed' | 'released' | 'unknown'>;
  /** Puts one message into the queue of landed objects. */
  sendLanded: (body: string) => Promise<void>;
  nowMs: () => number;
  logger: Logger;
}

export interface SweepResult {
  /** Batches with objects that were staged for too long, by what became of them. */
  batches: { landed: number; released: number; unknown: number; failed: number };
  /** Landed objects without summaries, now in the queue again. */
  queued: number;
  /** False = the time was up; the next sweep goes on there. */
  complete: boolean;
}

/** @param remainingMs until the function is ended */
export type Sweep = (remainingMs: () => number) => Promise<SweepResult>;
