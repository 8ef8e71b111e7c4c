import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createLinuxMetrics } from '../../../adapters/sources/linux-metrics.ts';
import { createPortableMetrics } from '../../../adapters/sources/portable-metrics.ts';
import { SYSTEM_STREAMS } from '../../../adapters/sources/system-metrics.ts';
import { createSystemSource } from '../../../adapters/sources/system-source.ts';
import type { JsonValue } from '../../../core/filters/filter.ts';
import { collect, createHastyClock, sourcePlan } from '../../helpers/source-rig.ts';

const PROC = {
  stat: (busy: number, idle: number) => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\n`,
  // sda1 is a part of sda, dm-0 lies on it.
  diskstats: (sectors: number) => `   8 0 sda 1 0 ${sectors} 5 1 0 ${2 * sectors} 5 0 0 0
   8 1 sda1 1 0 ${sectors} 5 1 0 ${sectors} 5 0 0 0
 253 0 dm-0 1 0 ${sectors} 5 1 0 ${sectors} 5 0 0 0
 259 0 nvme0n1 1 0 ${sectors} 5 1 0 0 5 0 0 0
 259 1 nvme0n1p1 1 0 ${sectors} 5 1 0 0 5 0 0 0
`,
  net: (bytes: number) => `Inter-|   Receive  |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo: 999999 0 0 0 0 0 0 0 999999 0 0 0 0 0 0 0
  eth0:${bytes} 0 0 0 0 0 0 0 ${3 * bytes} 0 0 0 0 0 0 0
 veth1: 5555 0 0 0 0 0 0 0 5555 0 0 0 0 0 0 0
`,
};

function linuxAt(step: number): Record<string, string> {
  return {
    stat: PROC.stat(100 + 25 * step, 900 + 75 * step),
    diskstats: PROC.diskstats(10 * step),
    'net/dev': PROC.net(500 * step),
    meminfo: 'MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n',
    loadavg: '0.52 0.58 0.59 1/467 12345\n',
    uptime: '350735.47 234388.90\n',
  };
}

describe('Linux', () => {
  test('is read from /proc: rates between samples, layers and partitions counted once', async () => {
    let step = 0;
    const metrics = createLinuxMetrics({
      proc: (name) => linuxAt(step)[name] ?? '',
      rootFileSystem: () => ({ blocks: 1_000, bfree: 300, bavail: 200 }),
    });
    const still = { 'memory-used': 60, 'disk-used': 77.8, 'load-average': 0.52, uptime: 350_735 };
    expect(await metrics(0)).toEqual(still);
    step = 1;
    expect(await metrics(2_000)).toEqual({
      ...still,
      'cpu-load': 25,
      'disk-read': (20 * 512) / 2,
      'disk-written': (20 * 512) / 2,
      'network-received': 250,
      'network-sent': 750,
    });
    // Counters that go back, as after a card was unplugged, give no rate.
    step = 0;
    expect(await metrics(4_000)).toEqual(still);
  });
});

test.each([
  ['/proc', createLinuxMetrics, process.platform === 'linux'],
  ['the portable reader', createPortableMetrics, true],
])('%s tells plausible things about this very machine', async (_name, create, here) => {
  if (!here) return;
  const metrics = create();
  await metrics(0);
  const sample = await metrics(20_000);
  for (const share of ['memory-used', 'disk-used'] as const) {
    expect(sample[share]).toBeGreaterThanOrEqual(0);
    expect(sample[share]).toBeLessThanOrEqual(100);
  }
  expect(sample.uptime).toBeGreaterThan(0);
  expect(sample['load-average']).toBeGreaterThanOrEqual(0);
});

const STREAMS = { 'cpu-load': {}, 'cpu-temperature': {}, 'coffee-level': {} };
const plan = sourcePlan('system', STREAMS, { every: '1s' });

describe('a system source', () => {
  test('gives what there is at whole intervals; what it does not know is named once', async () => {
    const logger = createMemoryLogger();
    const clock = createHastyClock(Date.UTC(2026, 0, 1) + 300);
    let sampled = 0;
    const source = createSystemSource(
      plan,
      { clock, logger },
      {
        metrics: async () => (sampled++ === 0 ? { uptime: 5 } : { 'cpu-load': sampled, uptime: 5 }),
        temperature: async () => (sampled === 3 ? 41.5 : undefined),
      },
    );
    const { readings } = await collect(source, { maxBatches: 3 });
    expect(readings).toEqual([
      { device: 'group', stream: 'cpu-load', value: 2 },
      { device: 'group', stream: 'cpu-load', value: 3 },
      { device: 'group', stream: 'cpu-temperature', value: 41.5 },
      { device: 'group', stream: 'cpu-load', value: 4 },
    ]);
    expect(logger.lines).toMatchObject([
      { level: 'warn', fields: { unknown: ['coffee-level'], known: SYSTEM_STREAMS } },
    ]);
  });

  test('survives samples that fail, and says so once', async () => {
    const logger = createMemoryLogger();
    let sampled = 0;
    const source = createSystemSource(
      plan,
      { clock: createHastyClock(), logger },
      {
        metrics: async () => {
          if (sampled++ < 3) throw new Error('no such sensor');
          return { 'cpu-load': Number.NaN, ...(sampled > 5 && { 'cpu-load': 7 }) };
        },
        temperature: async () => undefined,
      },
    );
    const { readings } = await collect(source, { maxBatches: 1 });
    expect(readings).toMatchObject([{ value: 7 }]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('has no position: one of another source is named and not used', async () => {
    const logger = createMemoryLogger();
    const probes = { metrics: async () => ({ 'cpu-load': 1 }), temperature: async () => undefined };
    const known = sourcePlan('system', { 'cpu-load': {} }, { every: '1s' });
    const run = (position: JsonValue | undefined) =>
      collect(createSystemSource(known, { clock: createHastyClock(), logger }, probes), { maxBatches: 1, position });
    expect((await run(undefined)).readings).toHaveLength(1);
    expect(logger.lines).toEqual([]);
    expect((await run({ tick: 5 })).readings).toHaveLength(1);
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { source: 'group', position: { tick: 5 } } }]);
  });

  test('runs on this machine', async () => {
    const streams = Object.fromEntries(SYSTEM_STREAMS.map((name) => [name, {}]));
    const fast = sourcePlan('system', streams, { every: '50ms' });
    const source = createSystemSource(fast, { clock: systemClock, logger: createMemoryLogger() });
    const { batches } = await collect(source, { maxBatches: 3 });
    expect(batches.at(-1)!.readings.map(({ stream }) => stream)).toContain('memory-used');
  });
});
