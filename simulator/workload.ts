import type { SourcePlan, StreamPlan } from '../core/node-plan.ts';
import type { Quality } from '../core/reading.ts';
import type { StoredRow } from '../core/stored-row.ts';
import { isJson, type StreamKind, type Value } from '../core/value.ts';
import type { Dice } from './dice.ts';
import type { OfferedBatch, OfferedReading } from './offered.ts';

/** Makes the readings of one source; no two of a run are alike. */
export interface ReadingMaker {
  batch(number: number, canWait: boolean, size: number): NumberedBatch;
  /** A good one of one series; without a time of its own it is dated by its arrival. */
  reading(device: string, stream: StreamPlan, hasTime: boolean): OfferedReading;
}
export type NumberedBatch = OfferedBatch & { number: number };

/** Times of readings that bring their own: far from any border, one second apart. */
export const FIRST_TS = Date.UTC(2024, 0, 1);
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
    const reading = plainReading(uid, dice.pick(plan.devices), dice.pick(plan.streams));
    const quality = dice.pick<Quality>(['good', 'good', 'good', 'good', 'uncertain', 'bad']);
    const ts = dice.chance(0.7) ? FIRST_TS + uid * 1_000 : undefined;
    const nothing = quality === 'bad' && ts !== undefined && dice.chance(0.5);
    return { ...reading, ts, quality, value: nothing ? null : reading.value };
  };

  /** A good one without a word on its quality, dated by its arrival. */
  const plainReading = (uid: number, device: string, stream: StreamPlan): OfferedReading => {
    const key = `${device}/${stream.name}`;
    const level = (levels.get(key) ?? dice.int(-200, 200)) + dice.pick([0, 0, 0, 1, -1, 3, -20, 40]);
    levels.set(key, level);
    const value = valueFor(stream.kind, level, uid);
    return {
      uid,
      device,
      stream: stream.name,
      ts: undefined,
      value,
      quality: 'good',
      refusal: undefined,
      plan: stream,
    };
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
    reading(device, stream, hasTime) {
      const uid = nextUid();
      return { ...plainReading(uid, device, stream), ts: hasTime ? FIRST_TS + uid * 1_000 : undefined };
    },
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
export const uidOf = ({ value, text, samples, ts }: Pick<StoredRow, 'value' | 'text' | 'samples' | 'ts'>): number =>
  uidOfValue(samples ?? (text?.startsWith('{') ? { json: text } : text) ?? value, ts);

/** The same by its value as the journal has it. */
export function uidOfValue(value: Value, ts: number): number {
  if (typeof value === 'string') return Number(value.slice(value.indexOf('#') + 1));
  if (typeof value === 'number') return Math.round((value - Math.floor(value)) / UID_UNIT);
  if (typeof value === 'boolean' || value === null) return (ts - FIRST_TS) / 1_000;
  return isJson(value) ? Number((JSON.parse(value.json) as { uid?: unknown }).uid) : (value[1] ?? -1);
}
