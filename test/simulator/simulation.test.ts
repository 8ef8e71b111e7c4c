import { describe, expect, test } from '@jest/globals';
import { simulate } from '../../simulator/simulation.ts';

const EVENTS = 1_500;

describe('the simulator', () => {
  test('one seed is one run, to the byte', async () => {
    const first = await simulate({ seed: 7n, maxEvents: EVENTS });
    const second = await simulate({ seed: 7n, maxEvents: EVENTS });
    expect(second.traceHash).toBe(first.traceHash);
    expect(second.events).toBe(first.events);
    const other = await simulate({ seed: 8n, maxEvents: EVENTS });
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  test.each([1n, 2n, 3n])('seed %s: crashes and faults break no invariant', async (seed) => {
    const { violation, events, rows } = await simulate({ seed, maxEvents: EVENTS });
    expect(violation).toBeUndefined();
    expect(events).toBeGreaterThanOrEqual(EVENTS);
    expect(rows).toBeGreaterThan(0);
  });

  test('years pass in seconds', async () => {
    const { violation, virtualMs } = await simulate({ seed: 3n, years: 0.1 });
    expect(violation).toBeUndefined();
    expect(virtualMs).toBeGreaterThan(0.1 * 365 * 24 * 3_600_000);
  });
});
