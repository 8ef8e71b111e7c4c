import type { Epoch } from '../../core/identity.ts';
import type { Outcome } from '../../core/lane-fates.ts';
import type { Lane } from '../../core/priority.ts';
import { addRange, type RangeSet } from '../../core/ranges.ts';
import type { RingKeys } from './noting-key-ring.ts';

/** Values of one lane in one commit; they have the positions from `first` on. */
export interface KnownLane {
  lane: 0 | 1 | 2 | 3 | 4;
  values: readonly number[];
}
export interface KnownCommit {
  lanes: readonly KnownLane[];
  /** The counter that the commit sets. */
  state: number;
}

/** What the caller of the recorded journal was told, or was about to be told. */
export type Note =
  | { is: 'opened'; epoch: Epoch }
  | { is: 'appending'; commit: KnownCommit }
  | { is: 'appended'; ok: boolean; evicted: readonly Outcome[] }
  | { is: 'settling'; outcomes: readonly Outcome[] }
  | { is: 'keys'; before: RingKeys; after: RingKeys };

/** What must be there after a crash, by what the caller knew at that moment. */
export interface Known {
  readonly epochs: readonly Epoch[];
  /** Acknowledged, or about to be: an `inFlight` commit may be there in full or not at all. */
  valuesOf(epoch: Epoch, lane: number): readonly number[];
  readonly state: number | undefined;
  readonly inFlight: (KnownCommit & { epoch: Epoch }) | undefined;
  /** Noted as delivered, durably or not. */
  deliveredOf(epoch: Epoch, lane: Lane): RangeSet;
  evictedOf(epoch: Epoch, lane: Lane): RangeSet;
  /** Keys that the ring may hold: those before a change that is under way, and those after it. */
  readonly keys: { before: RingKeys; after: RingKeys };
  tell(note: Note): void;
}

export function createKnown(): Known {
  const epochs: Epoch[] = [];
  const values = new Map<string, number[]>();
  const delivered = new Map<string, RangeSet>();
  const evicted = new Map<string, RangeSet>();
  let state: number | undefined;
  let inFlight: (KnownCommit & { epoch: Epoch }) | undefined;
  let keys: Known['keys'] = { before: [], after: [] };
  const at = (epoch: Epoch, lane: number): string => `${epoch}/${lane}`;
  const enter = (into: Map<string, RangeSet>, { epoch, lane, from, to }: Outcome): void =>
    void into.set(at(epoch, lane), addRange(into.get(at(epoch, lane)) ?? [], { from, to }));

  const adopt = ({ epoch, lanes, state: next }: NonNullable<typeof inFlight>): void => {
    for (const { lane, values: more } of lanes) {
      const all = values.get(at(epoch, lane)) ?? [];
      all.push(...more);
      values.set(at(epoch, lane), all);
    }
    state = next;
  };

  return {
    epochs,
    valuesOf: (epoch, lane) => values.get(at(epoch, lane)) ?? [],
    get state() {
      return state;
    },
    get inFlight() {
      return inFlight;
    },
    deliveredOf: (epoch, lane) => delivered.get(at(epoch, lane)) ?? [],
    evictedOf: (epoch, lane) => evicted.get(at(epoch, lane)) ?? [],
    get keys() {
      return keys;
    },
    tell(note) {
      switch (note.is) {
        case 'opened':
          return void epochs.push(note.epoch);
        case 'appending':
          inFlight = { ...note.commit, epoch: epochs.at(-1)! };
          return;
        case 'appended':
          if (note.ok) adopt(inFlight!);
          for (const outcome of note.evicted) enter(evicted, outcome);
          inFlight = undefined;
          return;
        case 'settling':
          for (const outcome of note.outcomes) enter(delivered, outcome);
          return;
        case 'keys':
          keys = note;
      }
    },
  };
}
