import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSimulateSource } from '../../../adapters/sources/simulate-source.ts';
import { checkNodeLedger, sumOf } from '../../../core/ledger.ts';
import type { SourceBatch } from '../../../core/ports.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../../helpers/edge-node.ts';

const CHANGE = { type: 'change', percent: 5 } as const;
const STREAMS = [
  streamPlan('alarm', { lane: 0, syncMs: 1_000 }),
  streamPlan('pressure', { lane: 0, syncMs: 1_000, filter: CHANGE }),
  streamPlan('level', { filter: CHANGE }),
  streamPlan('note', { kind: 'log', lane: 3 }),
  streamPlan('raw', { lane: 0, syncMs: 'on-demand' }),
];
const PLAN = nodePlan(STREAMS, {
  journal: { maxBytes: 1024 ** 2, localBytes: 64 * 1024, rotateKeys: 90 * 86_400_000 },
});
const NOTE = 'x'.repeat(12_000);

type Rig = Awaited<ReturnType<typeof startTestNode>>;
const reading = (stream: string, value: unknown) => ({ device: 'm-1', stream, value });
const ledgerOf = async (rig: Rig) => (await rig.node.status()).ledger;
const streamIn = async (rig: Rig, name: string) => (await ledgerOf(rig)).streams.find(({ stream }) => stream === name);

/** Critical records only, until nothing but a few more of them goes in; the hub is away. */
async function full(options: Parameters<typeof startTestNode>[1] = {}): Promise<Rig> {
  const rig = await startTestNode(PLAN, options);
  rig.uplink.setLink(false);
  for (const size of [1_000, 100]) {
    for (let value = 0; ; value += size) {
      const readings = Array.from({ length: size }, (_, at) => reading('alarm', value + at + size / 7_000));
      const before = (await streamIn(rig, 'alarm'))?.kept ?? 0;
      await rig.offer({ readings });
      if ((await streamIn(rig, 'alarm'))!.kept === before) break;
    }
  }
  return rig;
}

describe('a journal without room for all of a commit', () => {
  test('takes the critical readings of it; the rest is refused and counted, by class, at once and durably', async () => {
    const rig = await full();
    const before = (await ledgerOf(rig)).sources.bench!;
    const alarms = (await streamIn(rig, 'alarm'))!.kept;
    const notes = Array.from({ length: 9 }, () => reading('note', NOTE));
    expect(
      await rig.offer({
        readings: [reading('alarm', 1), ...notes, reading('level', 5), reading('raw', 1), reading('note', 5)],
      }),
    ).toBe('committed');
    expect(rig.node.inspect().readings).toEqual({ sources: (await ledgerOf(rig)).sources, streams: expect.anything() });
    await rig.crash(); // what was only in memory is gone
    const ledger = await ledgerOf(rig);
    expect((await streamIn(rig, 'alarm'))!.kept).toBe(alarms + 1);
    const counts = ledger.sources.bench!;
    expect(counts.collected).toBe(before.collected + 13);
    expect(counts.refused['journal-full']).toBe(before.refused['journal-full']! + 11);
    expect(counts.refused['wrong-kind']).toBe(1);
    expect(counts.refusedByClass).toEqual({
      critical: { 'journal-full': before.refusedByClass!.critical!['journal-full']! + 1 }, // raw stays local
      normal: { 'journal-full': 1 },
      low: { 'journal-full': 9, 'wrong-kind': 1 },
    });
    expect(checkNodeLedger(ledger)).toEqual([]);
  });

  test('full of high records: what is less important is refused class by class, and pushes none of them out', async () => {
    const streams = [...STREAMS, streamPlan('limit', { lane: 1, kind: 'log' })];
    const rig = await startTestNode(nodePlan(streams, { journal: PLAN.journal }));
    rig.uplink.setLink(false);
    const limits = (count: number) => Array.from({ length: count }, () => reading('limit', NOTE));
    const evictedHigh = async () => (await ledgerOf(rig)).lanes[1]!.evicted;
    for (let round = 0; round < 60; round++) await rig.offer({ readings: limits(4) });
    const high = await evictedHigh();
    expect(high).toBeGreaterThan(0);
    const lesser = [...Array.from({ length: 6 }, () => reading('note', NOTE)), reading('level', 5), reading('raw', 1)];
    // Until the room is used up that was made for high records.
    for (let round = 0; round < 8; round++) await rig.offer({ readings: [reading('alarm', round), ...lesser] });
    expect((await streamIn(rig, 'alarm'))!.kept).toBe(8);
    expect((await ledgerOf(rig)).sources.bench!.refusedByClass!.low!['journal-full']).toBeGreaterThan(6);
    expect(await evictedHigh()).toBe(high);
    // High records find room where their own class may go: only what is below them is refused.
    const before = (await streamIn(rig, 'limit'))!.kept;
    for (let round = 0; round < 5; round++) {
      await rig.offer({ readings: [...limits(3), reading('alarm', 100 + round), reading('note', NOTE)] });
    }
    expect((await streamIn(rig, 'limit'))!.kept).toBe(before + 15);
    expect(await evictedHigh()).toBeGreaterThan(high);
    expect(checkNodeLedger(await ledgerOf(rig))).toEqual([]);
  });

  test('keeps the filter of what was refused where it was', async () => {
    const rig = await full();
    await rig.offer({
      readings: [reading('pressure', 100), reading('level', 100), ...Array(9).fill(reading('note', NOTE))],
    });
    expect(await streamIn(rig, 'pressure')).toMatchObject({ kept: 1 });
    expect(await streamIn(rig, 'level')).toBeUndefined();
    rig.uplink.setLink(true);
    rig.clock.advance(MINUTE);
    await turns(300);
    await rig.offer({ readings: [reading('pressure', 101), reading('level', 101)] });
    expect(await streamIn(rig, 'pressure')).toMatchObject({ kept: 1, filtered: 1 });
    expect(await streamIn(rig, 'level')).toMatchObject({ kept: 1, filtered: 0 }); // 100 was never sent
  });

  test('of a source that can wait it takes whole batches or nothing, and nothing that would overtake', async () => {
    const rig = await full({ canWait: true });
    const offers: SourceBatch[] = [
      { readings: [reading('alarm', 1)] },
      { readings: [reading('alarm', 2), ...Array(9).fill(reading('note', NOTE))] },
      { readings: [reading('alarm', 3)] }, // after 2, of the same series
      { readings: [reading('pressure', 4)] },
      { readings: [reading('pressure', 5)], position: 5 }, // a position says that all before it was taken
    ];
    // Together in one commit: the first offer of a turn is taken alone.
    const first = rig.offer({ readings: [reading('nothing', 1)] });
    const fates = await Promise.all(offers.map((offer) => rig.offer(offer)));
    expect(await first).toBe('committed');
    expect(fates).toEqual(['committed', 'not-now', 'not-now', 'committed', 'not-now']);
    expect((await ledgerOf(rig)).sources.bench!.refused).toEqual({ 'unknown-stream': 1 });
    expect(checkNodeLedger(await ledgerOf(rig))).toEqual([]);
  });

  test('takes what finds room of a round that is larger than a block should be', async () => {
    const rig = await startTestNode(PLAN);
    rig.uplink.setLink(false);
    const first = rig.offer({ readings: [reading('nothing', 1)] });
    const large = Array.from({ length: 80 }, () => rig.offer({ readings: [reading('note', NOTE)] }));
    await Promise.all([first, ...large]);
    const { kept } = (await streamIn(rig, 'note'))!;
    expect(kept).toBeGreaterThan(20); // in one commit they need more than the whole journal
    const ledger = await ledgerOf(rig);
    expect(ledger.sources.bench!.collected).toBe(81);
    expect(checkNodeLedger(ledger)).toEqual([]);
  });
});

describe('a node with a tiny journal whose hub is away', () => {
  const batches = fc.array(
    fc.array(
      fc.record({
        stream: fc.constantFrom('alarm', 'pressure', 'level', 'note', 'raw', 'nothing'),
        value: fc.oneof(
          { weight: 6, arbitrary: fc.integer({ min: 0, max: 30 }) },
          fc.constant(NOTE),
          fc.constant(null),
        ),
        copies: fc.constantFrom(1, 1, 5, 400),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    { minLength: 5, maxLength: 60 },
  );

  test('has counted every reading at any moment, and after a crash every one whose fate was durable', async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(batches, async (plan) => {
        const rig = await full();
        let handedOver = (await ledgerOf(rig)).sources.bench!.collected;
        for (const batch of plan) {
          const readings = batch.flatMap(({ stream, value, copies }) => Array(copies).fill(reading(stream, value)));
          await rig.offer({ readings });
          handedOver += readings.length;
          const ledger = await ledgerOf(rig);
          expect(ledger.sources.bench!.collected).toBe(handedOver);
          expect(checkNodeLedger(ledger)).toEqual([]);
        }
        rig.uplink.setLink(true);
        rig.clock.advance(MINUTE);
        await turns(300);
        await rig.offer({ readings: [reading('alarm', 1)] });
        await rig.crash();
        const ledger = await ledgerOf(rig);
        expect(ledger.sources.bench!.collected).toBe(handedOver + 1);
        expect(checkNodeLedger(ledger)).toEqual([]);
        const { refused: byReason, refusedByClass = {} } = ledger.sources.bench!;
        const known = Object.values(refusedByClass).reduce((sum, ofClass) => sum + sumOf(ofClass), 0);
        expect(known).toBe(sumOf(byReason) - (byReason['unknown-stream'] ?? 0));
        refused += byReason['journal-full'] ?? 0;
      }),
      { numRuns: 12 },
    );
    expect(refused).toBeGreaterThan(1_000);
  }, 60_000);

  test('counts each reading of a simulated source: those of the ticks that ran, no more and no fewer', async () => {
    const still = { daily: 0, drift: 0, step: 0, stepEvery: 3_600_000, decimals: 2 };
    const analog = { shape: 'analog' as const, base: 50, noise: 5, ...still };
    const streams = [
      streamPlan('alarm', { lane: 0, syncMs: 1_000, simulate: analog }),
      streamPlan('level', { simulate: analog }),
      streamPlan('slow', { lane: 3, filter: CHANGE, simulate: analog }),
    ];
    const devices = Array.from({ length: 200 }, (_, at) => `m-${at}`);
    const source = { name: 'bench', config: { type: 'simulate' as const, every: 1_000 }, devices, streams };
    const journal = { ...PLAN.journal, maxBytes: 128 * 1024, localBytes: 16 * 1024 };
    let handedOver = 0;
    const rig = await startTestNode(nodePlan(streams, { ...PLAN, journal, sources: [source] }), {
      createSource: (plan, clock, logger) => {
        const inner = createSimulateSource(plan as never, { clock, logger }, { node: 'node-1', seed: 1 });
        return {
          ...inner,
          run: (sink, ...rest) =>
            inner.run(
              {
                offer: (batch) => {
                  handedOver += batch.readings.length;
                  return sink.offer(batch);
                },
              },
              ...rest,
            ),
        };
      },
    });
    rig.uplink.setLink(false);
    for (let tick = 0; tick < 200; tick++) {
      rig.clock.advance(1_000);
      await turns(8);
      if (tick % 10 > 0) continue;
      const ledger = await ledgerOf(rig);
      expect(ledger.sources.bench?.collected ?? 0).toBe(handedOver);
      expect(checkNodeLedger(ledger)).toEqual([]);
    }
    const { refused, refusedByClass } = (await ledgerOf(rig)).sources.bench!;
    expect(refused['journal-full']).toBeGreaterThan(1_000);
    expect(Object.keys(refusedByClass!).sort()).toEqual(['critical', 'low', 'normal']);
  }, 60_000);
});
