import { describe, expect, test } from '@jest/globals';
import type { MemoryDisk } from '../../adapters/memory/disk.ts';
import { checkNodeLedger } from '../../core/ledger.ts';
import type { DiskFile } from '../../core/ports.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

const change = { type: 'change', percent: 5 } as const;

describe('a node in plain mode', () => {
  test('filters, keeps, delivers at its sync interval, and balances', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('temperature', { filter: change })]));
    await bench.send('temperature', 100, 105, 105.1, 100, 0, 0.1);
    let { ledger } = await bench.node.status();
    expect(ledger.sources.bench).toEqual({ collected: 6, refused: {} });
    expect(ledger.streams).toEqual([
      { stream: 'temperature', priority: 'normal', filtered: 2, absorbed: 0, held: 0, kept: 4, local: 0 },
    ]);
    expect(ledger.lanes[2]).toMatchObject({ enqueued: 4, delivered: 0, waiting: 4 });
    bench.clock.advance(MINUTE - 1);
    await turns();
    expect(bench.store.rows()).toHaveLength(0);
    bench.clock.advance(1);
    await turns();
    expect(bench.store.rows().map(({ value }) => value)).toEqual([100, 105.1, 0, 0.1]);
    ({ ledger } = await bench.node.status());
    expect(ledger.lanes[2]).toMatchObject({ enqueued: 4, delivered: 4, waiting: 0, inDoubt: 0 });
    expect(checkNodeLedger(ledger)).toEqual([]);
  });

  test('refuses what is no reading, counts it by reason, and keeps it for the operator', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('temperature')]));
    await bench.send('temperature', 'hot', Number.NaN, 1, 2n ** 60n, undefined);
    await bench.send('pressure', 1);
    await bench.offer({
      readings: [
        { device: 'm-9', stream: 'temperature', value: 1 },
        { device: 'm-1', stream: 'temperature', value: 1, ts: 5 },
      ],
      refused: [{ reason: 'unparsable', detail: 'no columns', origin: 'a.csv line 3' }],
    });
    const { ledger } = await bench.node.status();
    expect(ledger.sources.bench).toEqual({
      collected: 9,
      refused: {
        'not-a-number': 1,
        'not-finite': 1,
        'not-exact': 1,
        'no-value': 1,
        'unknown-stream': 1,
        'unknown-device': 1,
        'absurd-time': 1,
        unparsable: 1,
      },
      refusedByClass: {
        normal: { 'not-a-number': 1, 'not-finite': 1, 'not-exact': 1, 'no-value': 1, 'absurd-time': 1 },
      },
    });
    expect(checkNodeLedger(ledger)).toEqual([]);
    expect(bench.quarantine).toHaveLength(8);
    expect(bench.quarantine[0]).toMatchObject({
      source: 'bench',
      reason: 'not-a-number',
      device: 'm-1',
      stream: 'temperature',
    });
  });

  test('keeps everything while the far side is away and drains when it is back', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('level')]));
    bench.uplink.setLink(false);
    for (let round = 0; round < 50; round++) {
      await bench.send('level', ...Array.from({ length: 200 }, (_, index) => round * 200 + index));
      bench.clock.advance(MINUTE);
      await turns(1);
    }
    expect((await bench.node.status()).ledger.lanes[2]).toMatchObject({ waiting: 10_000, delivered: 0 });
    bench.uplink.setLink(true);
    await turns(200);
    expect((await bench.node.status()).ledger.lanes[2]).toMatchObject({ waiting: 0, delivered: 10_000 });
    expect(new Set(bench.store.rows().map(({ value }) => value)).size).toBe(10_000);
    expect(bench.store.rows()).toHaveLength(10_000);
  });

  test('after a crash goes on with filter state, counters and what was not delivered; nothing twice', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('temperature', { filter: change })]));
    bench.uplink.setLink(false);
    await bench.send('temperature', 100, 200);
    await bench.crash();
    await bench.send('temperature', 201, 300);
    bench.clock.advance(MINUTE);
    await turns(50);
    expect(bench.store.rows().map(({ value }) => value)).toEqual([100, 200, 300]);
    await bench.crash();
    await turns(50);
    expect(bench.store.rows()).toHaveLength(3);
    const { ledger } = await bench.node.status();
    expect(ledger.sources.bench?.collected).toBe(4);
    expect(ledger.lanes[2]).toMatchObject({ enqueued: 3, delivered: 3, waiting: 0 });
    expect(checkNodeLedger(ledger)).toEqual([]);
  });

  test('on-demand records stay local and are counted as local', async () => {
    const bench = await startTestNode(
      nodePlan([streamPlan('raw', { syncMs: 'on-demand' }), streamPlan('alarm', { lane: 0, syncMs: 1_000 })]),
    );
    await bench.send('raw', 1, 2, 3);
    await bench.send('alarm', 1);
    bench.clock.advance(10 * MINUTE);
    await turns();
    expect(bench.store.rows().map(({ stream }) => stream)).toEqual(['alarm']);
    const { ledger } = await bench.node.status();
    expect(ledger.localHeld).toBe(3);
    expect(ledger.streams.find(({ stream }) => stream === 'raw')).toMatchObject({ local: 3, kept: 0 });
    expect(checkNodeLedger(ledger)).toEqual([]);
  });

  describe('while the disk refuses', () => {
    const failingDisk =
      (failing: () => boolean) =>
      (disk: MemoryDisk): MemoryDisk => ({
        ...disk,
        create(name) {
          if (failing()) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
          const file = disk.create(name) as DiskFile;
          return {
            ...file,
            write(offset, bytes) {
              if (failing()) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
              return file.write(offset, bytes);
            },
          };
        },
      });

    test('live readings are refused with the reason, and counted durably once it takes them again', async () => {
      let failing = false;
      const bench = await startTestNode(nodePlan([streamPlan('level')]), { wrapDisk: failingDisk(() => failing) });
      await bench.send('level', 1);
      failing = true;
      expect(await bench.send('level', 2, 3, 'x')).toBe('committed');
      expect((await bench.node.status()).ledger.sources.bench).toEqual({
        collected: 4,
        refused: { 'journal-full': 2, 'not-a-number': 1 },
        refusedByClass: { normal: { 'journal-full': 2, 'not-a-number': 1 } },
      });
      failing = false;
      await bench.send('level', 4);
      await bench.crash();
      const { ledger } = await bench.node.status();
      expect(ledger.sources.bench).toMatchObject({
        collected: 5,
        refused: { 'journal-full': 2, 'not-a-number': 1 },
        refusedByClass: { normal: { 'journal-full': 2, 'not-a-number': 1 } },
      });
      expect(checkNodeLedger(ledger)).toEqual([]);
      bench.clock.advance(MINUTE);
      await turns(50);
      expect(bench.store.rows().map(({ value }) => value)).toEqual([1, 4]);
    });

    test('a source that can wait is told to, and nothing of its batch has a fate', async () => {
      let failing = false;
      const bench = await startTestNode(nodePlan([streamPlan('level', { filter: change })]), {
        wrapDisk: failingDisk(() => failing),
        canWait: true,
      });
      await bench.send('level', 100);
      failing = true;
      expect(await bench.send('level', 200, 'x')).toBe('not-now');
      expect((await bench.node.status()).ledger.sources.bench).toEqual({ collected: 1, refused: {} });
      expect(bench.quarantine).toEqual([]);
      failing = false;
      expect(await bench.send('level', 200, 'x')).toBe('committed');
      expect((await bench.node.status()).ledger.streams[0]).toMatchObject({ kept: 2, filtered: 0 });
    });
  });

  test('times stamped before the clock was synchronised are corrected before they leave', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('level')]));
    bench.clock.setState('unsynced');
    bench.clock.jumpTo(Date.UTC(2001, 0, 1));
    await bench.offer({ readings: [{ device: 'm-1', stream: 'level', value: 1 }] });
    await bench.send('level', 2); // brings its own time
    bench.clock.advance(1_500);
    const synchronised = Date.UTC(2026, 5, 1);
    bench.clock.jumpTo(synchronised);
    bench.clock.setState('synced');
    bench.clock.advance(MINUTE);
    await turns();
    const rows = bench.store.rows().map(({ value, ts, clock }) => ({ value, ts, clock }));
    expect(rows).toEqual([
      { value: 1, ts: synchronised - 1_500, clock: 'synced' },
      { value: 2, ts: Date.UTC(2001, 0, 1), clock: 'synced' },
    ]);
  });

  test('without synchronisation, or after a restart, they keep the flag', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('level')]));
    bench.clock.setState('unsynced');
    await bench.offer({ readings: [{ device: 'm-1', stream: 'level', value: 1 }] });
    await bench.crash();
    bench.clock.setState('synced');
    await bench.offer({ readings: [{ device: 'm-1', stream: 'level', value: 2 }] });
    bench.clock.advance(MINUTE);
    await turns(50);
    expect(bench.store.rows().map(({ clock }) => clock)).toEqual(['unsynced', 'synced']);
  });

  test('a filter that was exchanged between two starts begins anew', async () => {
    const plan = nodePlan([streamPlan('level')]);
    const first = await startTestNode(plan);
    await first.send('level', 100);
    const second = await startTestNode(nodePlan([streamPlan('level', { filter: change })]), { disk: first.disk });
    await second.send('level', 101, 102);
    const { ledger } = await second.node.status();
    expect(ledger.streams[0]).toMatchObject({ kept: 2, filtered: 1 });
    expect(checkNodeLedger(ledger)).toEqual([]);
  });

  test('another store behind the same address is noticed, after a restart too', async () => {
    const plan = nodePlan([streamPlan('level')]);
    const first = await startTestNode(plan);
    await first.send('level', 1);
    first.clock.advance(MINUTE);
    await turns();
    await first.crash();
    await first.send('level', 2);
    first.clock.advance(MINUTE);
    await turns();
    expect(first.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
    const second = await startTestNode(plan, { disk: first.disk, farSide: 'far-2' });
    await second.send('level', 3);
    second.clock.advance(MINUTE);
    await turns();
    expect(second.logger.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { before: 'far-1', now: 'far-2' } },
    ]);
  });

  test('stop delivers what waits before its sync interval, then closes', async () => {
    const bench = await startTestNode(nodePlan([streamPlan('level')]));
    await bench.send('level', 1, 2);
    const stopping = bench.node.stop(10_000);
    await turns(50);
    const { ledger } = await stopping;
    expect(ledger.lanes[2]).toMatchObject({ delivered: 2, waiting: 0 });
    expect(bench.store.rows()).toHaveLength(2);
    expect(bench.store.statements()).toMatchObject([{ upTo: 2, delivered: 2 }]); // the last word
  });
});
