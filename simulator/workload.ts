import type { SourcePlan } from '../core/node-plan.ts';
import type { Quality } from '../core/reading.ts';
import type { StoredRow } from '../core/stored-row.ts';
import type { StreamKind } from '../core/value.ts';
import type { Dice } from './dice.ts';
import type { OfferedBatch, OfferedReading } from './offered.ts';

/** Makes the readings of one source; no two of a run are alike. */
export interface ReadingMaker {
  batch(number: number, canWait: boolean, size: number): OfferedBatch;
}

/** Times of readings that bring their own: far from any border, one second apart. */
const FIRST_TS = Date.UTC(2024, 0, 1);
/** The number of a reading is the fraction of its value, in these units. */
const UID_UNIT = 2 ** -32;

export function createReadingMaker(
  dice: Dice,
  plan: SourcePlan,
  badInputChance: number,
  nextUid: () => number,
): ReadingMaker {
  const levels = new Map<string, number>();

  const goodReading = (uid: number): OfferedReading => {
    const stream = dice.pick(plan.streams);
    const device = dice.pick(plan.devices);
    const key = `${device}/${stream.name}`;
    const level = (levels.get(key) ?? dice.int(-200, 200)) + dice.pick([0, 0, 0, 1, -1, 3, -20, 40]);
    levels.set(key, level);
    const quality = dice.pick<Quality>(['good', 'good', 'good', 'good', 'uncertain', 'bad']);
    const ts = dice.chance(0.7) ? FIRST_TS + uid * 1_000 : undefined;
    const nothing = quality === 'bad' && ts !== undefined && dice.chance(0.5);
    const value = nothing ? null : valueFor(stream.kind, level, uid);
    return { uid, device, stream: stream.name, ts, value, quality, refusal: undefined, plan: stream };
  };

  const badReading = (uid: number): OfferedReading => {
    const reading = goodReading(uid);
    switch (dice.int(0, 4)) {
      case 0:
        return { ...reading, device: 'nobody', refusal: 'unknown-device', plan: undefined };
      case 1:
        return { ...reading, stream: 'nothing', refusal: 'unknown-stream', plan: undefined };
      case 2:
        return { ...reading, ts: 5, refusal: 'absurd-time' };
      case 3:
        return { ...reading, value: undefined, quality: 'good', refusal: 'no-value' };
      default:
        return {
          ...reading,
          value: Number.NaN,
          refusal: reading.plan?.kind === 'number' ? 'not-finite' : 'wrong-kind',
        };
    }
  };

  const valueFor = (kind: StreamKind, level: number, uid: number): unknown => {
    switch (kind) {
      case 'log':
        return `${'cycle done, '.repeat(dice.int(0, 30))}#${uid}`;
      case 'json':
        return { uid, level, at: [level, null] };
      case 'array':
        return [level, uid, ...Array.from({ length: dice.int(0, 60) }, (_, index) => level / (index + 1))];
      case 'text':
        return `${level} #${uid}`;
      default:
        return level + uid * UID_UNIT;
    }
  };

  return {
    batch: (number, canWait, size) => ({
      source: plan.name,
      number,
      canWait,
      readings: Array.from({ length: size }, () =>
        dice.chance(badInputChance) ? badReading(nextUid()) : goodReading(nextUid()),
      ),
      unparsable: dice.chance(badInputChance) ? [{ reason: 'unparsable', detail: 'a broken line' }] : [],
      arrivedAt: 0,
      fate: 'open',
    }),
  };
}

/** The number of a reading by what the store has of it; -1 if nothing of the kind was ever made. */
export function uidOf(row: Pick<StoredRow, 'value' | 'text' | 'samples' | 'ts'>): number {
  if (row.samples !== null) return row.samples[1] ?? -1;
  if (row.text?.startsWith('{')) return Number((JSON.parse(row.text) as { uid?: unknown }).uid);
  if (row.text !== null) return Number(row.text.slice(row.text.indexOf('#') + 1));
  if (row.value !== null) return Math.round((row.value - Math.floor(row.value)) / UID_UNIT);
  return (row.ts - FIRST_TS) / 1_000;
}
