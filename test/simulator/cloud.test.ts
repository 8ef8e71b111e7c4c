import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoredRow } from '../../core/stored-row.ts';
import { calmed, drawCloudFaults } from '../../simulator/cloud-faults.ts';
import { createCloudQueue } from '../../simulator/cloud-queue.ts';
import { createCloudRows } from '../../simulator/cloud-rows.ts';
import { simulate } from '../../simulator/simulation.ts';
import { createWorld } from '../../simulator/world.ts';

const EVENTS = 1_500;

describe('the cloud in the simulator', () => {
  test('one seed is one run, to the byte', async () => {
    const first = await simulate({ seed: 7n, maxEvents: EVENTS, focus: ['cloud'] });
    const second = await simulate({ seed: 7n, maxEvents: EVENTS, focus: ['cloud'] });
    expect(first.farSides).toEqual(['cloud']);
    expect(second.traceHash).toBe(first.traceHash);
  });

  test('processes die before and after calls of every kind, and no invariant breaks', async () => {
    const calls = ['put', 'copy', 'delete', 'get items', 'transaction', 'write', 'publish'];
    const places = calls.flatMap((call) => [`before ${call}`, `after ${call}`]);
    const reached = new Set<string>();
    const unreached = (): string[] => places.filter((place) => !reached.has(`cloud: function dies ${place}`));
    // A place that is seldom reached takes more seeds than the others.
    for (let seed = 1n; seed <= 16n || (unreached().length > 0 && seed <= 64n); seed++) {
      const { violation, faults, rows } = await simulate({ seed, maxEvents: EVENTS, focus: ['cloud'] });
      expect(violation).toBeUndefined();
      expect(rows).toBeGreaterThan(0);
      for (const fault of faults.keys()) reached.add(fault);
    }
    expect(unreached()).toEqual([]);
    expect([...reached]).toEqual(
      expect.arrayContaining([
        'cloud: conflict of two transactions',
        'cloud: conditional write overtaken',
        'cloud: some staged objects of a batch lost',
        'cloud: landed object compacted',
        'cloud: function out of time',
      ]),
    );
  });
});

test('a message comes again until it is deleted, whatever became of those who took it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.bigInt({ min: 0n, max: 1_000n }), fc.integer({ min: 1, max: 40 }), async (seed, count) => {
      const world = createWorld(seed);
      const faults = calmed(drawCloudFaults(world.dice, false));
      const queue = createCloudQueue(world, () => faults);
      const handled = new Set<number>();
      queue.onVisible = () => {
        const taken = queue.take();
        if (world.dice.chance(0.5)) return;
        for (const { payload } of taken) handled.add(payload[0]!);
        queue.delete(taken);
      };
      for (let at = 0; at < count; at++) queue.add({ client: 'node-1', payload: Uint8Array.of(at) });
      for (let steps = 0; queue.size() > 0 && steps < 10_000; steps++) await world.step();
      expect(queue.size()).toBe(0);
      expect(handled.size).toBe(count);
    }),
    { numRuns: 20 },
  );
});

describe('rows of objects', () => {
  const rows = [{ position: 0 }] as StoredRow[];
  const seen = () => {
    const visible: StoredRow[] = [];
    const tracked = createCloudRows({
      appeared: (added) => void visible.push(...added),
      vanished: (gone) => void visible.splice(visible.indexOf(gone[0]!), gone.length),
    });
    return { visible, tracked };
  };

  test('what is staged is not visible, what is copied to landing is, once', () => {
    const { visible, tracked } = seen();
    tracked.put('staging/b/dt=2026-01-01.parquet', rows);
    expect(visible).toEqual([]);
    tracked.copy('staging/b/dt=2026-01-01.parquet', 'landing/dt=2026-01-01/b.parquet');
    tracked.copy('staging/b/dt=2026-01-01.parquet', 'landing/dt=2026-01-01/b.parquet');
    expect(visible).toHaveLength(1);
    tracked.delete('landing/dt=2026-01-01/b.parquet');
    expect(visible).toEqual([]);
  });

  test('a copy made after compaction shows as a second row', () => {
    const { visible, tracked } = seen();
    tracked.put('staging/b/dt=2026-01-01.parquet', rows);
    tracked.copy('staging/b/dt=2026-01-01.parquet', 'landing/dt=2026-01-01/b.parquet');
    tracked.compact('landing/dt=2026-01-01/b.parquet');
    tracked.copy('staging/b/dt=2026-01-01.parquet', 'landing/dt=2026-01-01/b.parquet');
    expect(visible).toHaveLength(2);
  });
});
