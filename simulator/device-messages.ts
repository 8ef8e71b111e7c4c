import type { ListenPlan } from '../core/listen/client-rights.ts';
import type { StreamPlan } from '../core/node-plan.ts';
import type { ReadingRefusal } from '../core/reading.ts';
import type { Dice } from './dice.ts';
import type { OfferedBatch, OfferedReading } from './offered.ts';
import type { ReadingMaker } from './workload.ts';

/** A message as a device makes it, and what the border has to say about what is in it. */
export interface MadeMessage {
  topic: string;
  payload: Uint8Array;
  batch: OfferedBatch;
}

/** Messages of the devices of one group that listens; in each good one the readings of one stream. */
export function createMessageMaker(
  dice: Dice,
  plan: ListenPlan,
  maker: ReadingMaker,
  badInputChance: number,
): (device: string) => MadeMessage {
  const { format, time } = plan.config;

  const made = (topic: string, text: string, readings: OfferedReading[], refused?: ReadingRefusal): MadeMessage => ({
    topic,
    payload: new TextEncoder().encode(text),
    batch: {
      source: plan.name,
      number: undefined,
      canWait: true,
      readings,
      unparsable: refused === undefined ? [] : [{ reason: refused, detail: 'not a good message' }],
      arrivedAt: 0,
      fate: 'open',
    },
  });

  const textOf = (readings: readonly OfferedReading[]): string => {
    if (format === 'value') return JSON.stringify(readings[0]!.value);
    const objects = readings.map(({ value, ts }) => ({ value, ...(time && { [time.column]: ts }) }));
    return JSON.stringify(objects.length === 1 ? objects[0] : objects);
  };

  const good = (device: string, stream: StreamPlan): MadeMessage => {
    const size = format === 'value' ? 1 : dice.int(1, 4);
    const readings = Array.from({ length: size }, () => maker.reading(device, stream, time !== undefined));
    return made(`${device}/${stream.name}`, textOf(readings), readings);
  };

  const bad = (device: string): MadeMessage => {
    const stream = dice.pick(plan.streams);
    const reading = maker.reading(device, stream, time !== undefined);
    const other = plan.devices.find((one) => one !== device);
    switch (dice.int(0, 3)) {
      case 0:
        return made(`${device}/${stream.name}/more`, textOf([reading]), [], 'unknown-topic');
      case 1:
        return made(`${device}/${stream.name}`, `{"value": ${reading.uid}`, [], 'unparsable');
      case 2:
        return made(`${other ?? 'nobody'}/${stream.name}`, textOf([reading]), [], 'not-its-own');
      default:
        return made(`${device}/nothing`, textOf([reading]), [
          { ...reading, stream: 'nothing', refusal: 'unknown-stream', plan: undefined },
        ]);
    }
  };

  return (device) => (dice.chance(badInputChance) ? bad(device) : good(device, dice.pick(plan.streams)));
}
