import { type Hash64, type LaneKey, laneKeyText } from '../../core/identity.ts';
import {
  EMPTY_LANE,
  type LaneIndex,
  type PoisonMessage,
  type RecordStore,
  type StatedLane,
  type StoreChange,
} from '../../core/ports.ts';
import type { Range } from '../../core/ranges.ts';
import { rowsOf, type StoredRow } from '../../core/stored-row.ts';
import { POISON_BOUNDS, type PoisonBounds, type PoisonCounts, surplus } from '../poison-bounds.ts';

/** The store of tests and of the simulator, with everything in it open to inspection. */
export interface MemoryRecordStore extends RecordStore {
  /** Every row ever committed, in the order of the commits. */
  rows(): readonly StoredRow[];
  lanes(): { key: LaneKey; index: LaneIndex }[];
  /** What was put aside and is still kept, oldest first. */
  poison(): readonly PoisonMessage[];
  poisonCounts(): PoisonCounts;
  /** The latest word of each node on each lane. */
  statements(): StatedLane[];
}

/**
 * A store of record that lives as long as its object. Each call takes effect at once, before its promise settles:
 * nothing interleaves with a commit.
 *
 * @param id a new store is another far side: give each its own
 * @param bounds of the poison kept. @default 1,000 messages, 64 MiB
 */
export function createMemoryRecordStore(id: string, bounds: PoisonBounds = POISON_BOUNDS): MemoryRecordStore {
  const rows: StoredRow[] = [];
  const lanes = new Map<string, { key: LaneKey; index: LaneIndex }>();
  const hashes = new Map<string, Hash64>();
  const statements = new Map<string, StatedLane>();
  const poison: PoisonMessage[] = [];
  let dropped = 0;

  const laneOf = (key: LaneKey): LaneIndex => lanes.get(laneKeyText(key))?.index ?? EMPTY_LANE;

  return {
    id,
    readLanes: async (keys) => keys.map(laneOf),
    findHashes: async (ranges) => ranges.map((range) => hashes.get(rangeText(range.key, range))),
    commit: async (change) => {
      if (change.lanes.some(({ key, expectedVersion }) => laneOf(key).version !== expectedVersion)) return 'conflict';
      const added = newRows(change); // may throw: before anything is changed
      for (const { key, expectedVersion, stored, givenUp } of change.lanes) {
        lanes.set(laneKeyText(key), { key, index: { version: expectedVersion + 1, stored, givenUp } });
      }
      for (const range of change.hashes) hashes.set(rangeText(range.key, range), range.hash);
      for (const statement of change.statements) {
        const known = statements.get(laneKeyText(statement.key));
        // An older statement that was overtaken on its way says nothing new.
        if (!known || statement.upTo >= known.upTo) statements.set(laneKeyText(statement.key), statement);
      }
      for (const row of added) rows.push(row);
      return 'committed';
    },
    laneCount: async (node) => {
      const keys = [...lanes.values(), ...statements.values()].filter(({ key }) => key.node === node);
      return new Set(keys.map(({ key }) => laneKeyText(key))).size;
    },
    putAside: async (messages) => {
      for (const message of messages) poison.push({ ...message, payload: message.payload.slice() });
      const gone = surplus(
        poison.map(({ payload }) => payload.length),
        bounds,
      );
      poison.splice(0, gone);
      dropped += gone;
    },
    rows: () => rows,
    lanes: () => [...lanes.values()],
    poison: () => poison,
    poisonCounts: () => ({
      messages: poison.length,
      bytes: poison.reduce((sum, { payload }) => sum + payload.length, 0),
      dropped,
    }),
    statements: () => [...statements.values()],
  };
}

const newRows = (change: StoreChange): StoredRow[] =>
  change.envelopes.flatMap((envelope) => rowsOf(envelope, change.storedAtMs));

const rangeText = (key: LaneKey, range: Range): string => `${laneKeyText(key)}/${range.from}/${range.to}`;
