import { describe, expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createSimulateSource } from '../../../adapters/sources/simulate-source.ts';
import type { JsonValue } from '../../../core/filters/filter.ts';
import {
  type Collected,
  type CollectOptions,
  collect,
  createHastyClock,
  sourcePlan,
} from '../../helpers/source-rig.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1) + 400;
const STREAMS = {
  t: { simulate: { shape: 'analog', base: 20, noise: 1, faultEvery: '10s' } },
  on: { kind: 'boolean', simulate: { shape: 'switch' } },
};
type Clock = ReturnType<typeof createHastyClock>;

const run = (
  clock: Clock,
  speed: number,
  options: CollectOptions,
  devices = 3,
  logger = createMemoryLogger(),
): Promise<Collected> =>
  collect(
    createSimulateSource(
      sourcePlan('simulate', STREAMS, { every: '1s' }, devices),
      { clock, logger },
      { node: 'n', seed: 1, speed },
    ),
    options,
  );
const ticks = ({ batches }: Collected): number[] => batches.map(({ readings }) => readings[0]!.ts as number);
const seconds = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + (at + 1) * 1_000);
const WHOLE = Math.floor(START / 1_000) * 1_000;

describe('at speed 1', () => {
  test('every stream of every device has a reading at each whole interval, when it is due', async () => {
    const clock = createHastyClock(START);
    const collected = await run(clock, 1, { maxBatches: 5 });
    expect(ticks(collected)).toEqual(seconds(WHOLE, 5));
    expect(clock.wallMs()).toBe(WHOLE + 5_000);
    const [first] = collected.batches;
    expect(first!.readings.map(({ device, stream }) => `${device}/${stream}`)).toEqual(
      ['001', '002', '003'].flatMap((number) => [`group-${number}/t`, `group-${number}/on`]),
    );
    expect(collected.position).toEqual({ tick: WHOLE + 5_000 });
  });

  test('a drop-out is a null of bad quality, nothing else is', async () => {
    const { readings } = await run(createHastyClock(START), 1, { maxBatches: 100 });
    const dropped = readings.filter(({ value }) => value === null);
    expect(dropped.length).toBeGreaterThan(0);
    expect(readings.filter(({ quality }) => quality === 'bad')).toEqual(dropped);
  });

  test('a restart continues at the present, with the same values', async () => {
    const whole = await run(createHastyClock(START), 1, { maxBatches: 10 });
    const { position } = await run(createHastyClock(START), 1, { maxBatches: 3 });
    const later = await run(createHastyClock(START + 6_000), 1, { maxBatches: 4, position });
    expect(later.batches).toEqual(whole.batches.slice(6));
  });

  test('a slow sink costs ticks, which are never made up for', async () => {
    const clock = createHastyClock(START);
    const slow = (offer: number) => {
      if (offer === 1) clock.advance(7_300);
      return 'committed' as const;
    };
    expect(ticks(await run(clock, 1, { maxBatches: 4, answer: slow })).map((tick) => (tick - WHOLE) / 1_000)).toEqual([
      1, 2, 9, 10,
    ]);
  });

  test('a clock that is set back or forward is followed', async () => {
    const clock = createHastyClock(START);
    const jumpy = (offer: number) => {
      if (offer === 1) clock.jumpTo(WHOLE - 3_600_000);
      if (offer === 3) clock.jumpTo(WHOLE + 3_600_000);
      return 'committed' as const;
    };
    const seen = ticks(await run(clock, 1, { maxBatches: 6, answer: jumpy })).map((tick) => (tick - WHOLE) / 1_000);
    expect(seen).toEqual([1, 2, -3599, -3598, 3600, 3601]);
  });

  test('a batch has 5,000 readings at most', async () => {
    const { batches } = await run(createHastyClock(START), 1, { maxBatches: 3 }, 6_000);
    expect(batches.map(({ readings }) => readings.length)).toEqual([5_000, 5_000, 2_000]);
    expect(new Set(ticks({ batches } as Collected)).size).toBe(1);
  });
});

describe('faster', () => {
  test('begins 30 days ago, at the speed asked for', async () => {
    const clock = createHastyClock(START);
    const collected = await run(clock, 10, { maxBatches: 20 });
    expect(ticks(collected)).toEqual(seconds(WHOLE - 30 * DAY, 20));
    expect(clock.wallMs() - START).toBeCloseTo((20_000 - 400) / 10, 0);
  });

  test('continues where it was, without a gap or a double', async () => {
    const whole = await run(createHastyClock(START), 60, { maxBatches: 10 });
    const first = await run(createHastyClock(START), 60, { maxBatches: 4 });
    const rest = await run(createHastyClock(START + DAY), 60, { maxBatches: 6, position: first.position });
    expect([...first.batches, ...rest.batches]).toEqual(whole.batches);
  });

  test('never passes the present: from there on it runs at speed 1', async () => {
    const clock = createHastyClock(START);
    const late = { tick: WHOLE - 5_000 };
    const seen: number[] = [];
    const collected = await run(clock, 1_000, {
      maxBatches: 10,
      position: late,
      answer: () => {
        seen.push(clock.wallMs());
        return 'committed';
      },
    });
    expect(ticks(collected)).toEqual(seconds(WHOLE - 5_000, 10));
    expect(ticks(collected).every((tick, at) => tick <= seen[at]!)).toBe(true);
    expect(clock.wallMs()).toBe(WHOLE + 5_000);
  });

  test('waits for a journal that cannot take the past, and leaves nothing out', async () => {
    const refusing = (offer: number) => (offer % 3 === 0 ? ('committed' as const) : ('not-now' as const));
    const collected = await run(createHastyClock(START), 10, { maxBatches: 8, answer: refusing });
    expect(ticks(collected)).toEqual(seconds(WHOLE - 30 * DAY, 8));
  });

  test.each<[JsonValue]>([
    [null],
    [7],
    ['x'],
    [{ tick: 'soon' }],
    [{ tick: 12.5 }],
    // Ticks there would never reach the present, or not even the next tick.
    [{ tick: -1e300 }],
    [{ tick: 3_600_000 }],
    [[]],
    [{ head: 'x', headBytes: 1, offset: 5, lines: 1 }],
  ])('the position %j counts as none, with a warning', async (position) => {
    const logger = createMemoryLogger();
    const [first] = ticks(await run(createHastyClock(START), 2, { maxBatches: 1, position }, 3, logger));
    expect(first).toBe(WHOLE - 30 * DAY + 1_000);
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { source: 'group', position } }]);
  });

  test('its own position and none are taken without a word', async () => {
    const logger = createMemoryLogger();
    const { position } = await run(createHastyClock(START), 2, { maxBatches: 1 }, 3, logger);
    await run(createHastyClock(START), 2, { maxBatches: 1, position }, 3, logger);
    expect(logger.lines).toEqual([]);
  });
});
