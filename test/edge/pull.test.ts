import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MemoryDisk } from '../../adapters/memory/disk.ts';
import { checkNodeLedger } from '../../core/ledger.ts';
import type { DiskFile } from '../../core/ports.ts';
import type { PullRequest, PullResult } from '../../greengrass-components/sense/pull.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

/** `headwater pull`: what stayed local travels after all, once. */

type Bench = Awaited<ReturnType<typeof startTestNode>>;
const START = Date.UTC(2026, 0, 1);
const ALWAYS = { fromTs: 0, toTs: Date.UTC(2100, 0, 1) };
const raw = streamPlan('raw', { syncMs: 'on-demand', lane: 1 });
const plan = () => nodePlan([raw, streamPlan('other', { syncMs: 'on-demand' }), streamPlan('level')]);

/** Values are the seconds of their times. */
const collect = (bench: Bench, stream: string, device: string, seconds: readonly number[]) =>
  bench.offer({ readings: seconds.map((value) => ({ device, stream, value, ts: START + value * 1_000 })) });

async function pull(bench: Bench, request: Partial<PullRequest> = {}): Promise<PullResult> {
  const pulling = bench.node.pull({ stream: 'raw', ...ALWAYS, ...request });
  await turns(40);
  return pulling;
}
const counts = ({ pulled = 0, pulledBefore = 0, unreadable = 0, agedOut = 0, stillLocal = 0 }) => ({
  ok: true,
  pulled,
  pulledBefore,
  unreadable,
  agedOut,
  stillLocal,
});

async function storedAfterAMinute(bench: Bench, stream = 'raw'): Promise<number[]> {
  bench.clock.advance(MINUTE);
  await turns(60);
  const rows = bench.store.rows().filter((row) => row.stream === stream);
  return rows.map(({ value }) => value as number).sort((a, b) => a - b);
}

async function expectBalance(bench: Bench): Promise<void> {
  expect(checkNodeLedger((await bench.node.status()).ledger)).toEqual([]);
}

const spanned = (from: number, to: number): Partial<PullRequest> => ({
  fromTs: START + from * 1_000,
  toTs: START + to * 1_000,
});

describe('pull', () => {
  test('takes the records of the stream, the device and the times, in the class of the stream; the ledger says so', async () => {
    const bench = await startTestNode(plan());
    await collect(bench, 'raw', 'm-1', [1, 2, 3, 4, 5]);
    await collect(bench, 'raw', 'm-2', [2, 3]);
    await collect(bench, 'other', 'm-1', [2, 3]);
    expect(await pull(bench, { ...spanned(2, 4), device: 'm-1' })).toEqual(counts({ pulled: 2, stillLocal: 5 }));
    expect(await storedAfterAMinute(bench)).toEqual([2, 3]);
    expect(bench.store.rows()).toMatchObject([
      { device: 'm-1', stream: 'raw', ts: START + 2_000 },
      { device: 'm-1', stream: 'raw', ts: START + 3_000 },
    ]);
    const { ledger } = await bench.node.status();
    expect(ledger.streams.find(({ stream }) => stream === 'raw')).toMatchObject({
      priority: 'high',
      kept: 2,
      local: 5,
    });
    expect(ledger.lanes[1]).toMatchObject({ enqueued: 2, delivered: 2 });
    expect(ledger.localHeld).toBe(7);
    await expectBalance(bench);
  });

  test('twice, or overlapping, doubles nothing; after a crash neither', async () => {
    const bench = await startTestNode(plan());
    await collect(bench, 'raw', 'm-1', [1, 2, 3, 4, 5, 6]);
    expect(await pull(bench, spanned(1, 4))).toEqual(counts({ pulled: 3, stillLocal: 3 }));
    expect(await pull(bench, spanned(1, 4))).toEqual(counts({ pulledBefore: 3, stillLocal: 3 }));
    await bench.crash();
    expect(await pull(bench, spanned(3, 6))).toEqual(counts({ pulled: 2, pulledBefore: 1, stillLocal: 1 }));
    await bench.crash();
    expect(await pull(bench)).toEqual(counts({ pulled: 1, pulledBefore: 5 }));
    expect(await storedAfterAMinute(bench)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await bench.node.status()).ledger.localHeld).toBe(0);
    await expectBalance(bench);
  });

  test('what came after it, at times that were pulled, is there for the next one', async () => {
    const bench = await startTestNode(plan());
    await collect(bench, 'raw', 'm-1', [1, 3]);
    await pull(bench, spanned(0, 10));
    await collect(bench, 'raw', 'm-1', [2]);
    expect(await pull(bench, spanned(0, 10))).toEqual(counts({ pulled: 1, pulledBefore: 2 }));
    expect(await storedAfterAMinute(bench)).toEqual([1, 2, 3]);
  });

  test('many pages, segments and openings; what has aged out is told', async () => {
    const small = { maxBytes: 4 * 1024 ** 2, localBytes: 700_000, rotateKeys: 9e9 };
    const bench = await startTestNode({ ...plan(), journal: small });
    const taken: number[] = [];
    for (let round = 0; round < 40; round++) {
      const seconds = Array.from({ length: 2_000 }, (_, index) => round * 2_000 + index);
      expect(await collect(bench, 'raw', 'm-1', seconds)).toBe('committed');
      taken.push(...seconds);
      if (round % 15 === 14) await bench.crash();
    }
    const before = (await bench.node.status()).ledger;
    expect(before.localHeld).toBeGreaterThan(15_000);
    expect(before.localHeld).toBeLessThan(taken.length);
    const pulling = bench.node.pull({ stream: 'raw', ...ALWAYS });
    await turns(300);
    const result = await pulling;
    if (!result.ok) throw new Error(result.detail);
    expect(result).toMatchObject({ pulledBefore: 0, unreadable: 0, stillLocal: 0 });
    expect(result.pulled + result.agedOut).toBe(taken.length);
    expect(result.pulled).toBeGreaterThan(15_000);
    await turns(3_000);
    const stored = await storedAfterAMinute(bench);
    expect(stored).toEqual(taken.slice(-result.pulled));
    await expectBalance(bench);
  });

  test('what cannot be read any more is told, the rest is pulled', async () => {
    const bench = await startTestNode(plan());
    for (const seconds of [[1, 2], [3, 4, 5], [6]]) await collect(bench, 'raw', 'm-1', seconds);
    const name = [...bench.disk.files.keys()].findLast((file) => file.startsWith('records-'))!;
    const bytes = bench.disk.files.get(name)!;
    const blocks = [...bytes.toString('latin1').matchAll(/HWB2/g)].map(({ index }) => index);
    bytes[blocks[2]! + 60]! ^= 1; // head, [1, 2], [3, 4, 5], [6]
    expect(await pull(bench)).toEqual(counts({ pulled: 3, unreadable: 3, agedOut: 3 }));
    expect(await storedAfterAMinute(bench)).toEqual([1, 2, 6]);
    await expectBalance(bench);
  });

  test('a full disk stops it; what went through counts, and asking again goes on', async () => {
    let failing = false;
    const wrapped = (file: DiskFile): DiskFile => ({
      ...file,
      write(offset, bytes) {
        if (failing) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        return file.write(offset, bytes);
      },
    });
    const bench = await startTestNode(plan(), {
      wrapDisk: (disk): MemoryDisk => ({
        ...disk,
        open: (name) => wrapped(disk.open(name) as DiskFile),
        create: (name) => wrapped(disk.create(name) as DiskFile),
      }),
    });
    await collect(bench, 'raw', 'm-1', [1, 2]);
    failing = true;
    expect(await pull(bench)).toMatchObject({ ok: false, reason: 'journal-full', pulled: 0 });
    await expectBalance(bench);
    failing = false;
    expect(await pull(bench)).toEqual(counts({ pulled: 2 }));
    expect(await storedAfterAMinute(bench)).toEqual([1, 2]);
  });

  test.each([0, 1, 2, 3, 4])(
    'a process that dies after %d of the writes of a pull doubles and loses nothing',
    async (writes) => {
      let left = Number.POSITIVE_INFINITY;
      const bench = await startTestNode(plan(), {
        wrapDisk: (disk): MemoryDisk => {
          const own = { dead: false };
          const mortal = (file: DiskFile): DiskFile => ({
            ...file,
            write(offset, bytes) {
              own.dead ||= left-- <= 0;
              if (own.dead) throw new Error('this process is dead');
              return file.write(offset, bytes);
            },
          });
          return {
            ...disk,
            open: (name) => mortal(disk.open(name) as DiskFile),
            create: (name) => mortal(disk.create(name) as DiskFile),
          };
        },
      });
      const seconds = Array.from({ length: 12_000 }, (_, index) => index);
      await collect(bench, 'raw', 'm-1', seconds);
      bench.uplink.setLink(false);
      left = writes;
      const cut = await pull(bench);
      left = Number.POSITIVE_INFINITY;
      await bench.crash();
      const rest = await pull(bench);
      if (!rest.ok) throw new Error(rest.detail);
      expect(rest.pulled + rest.pulledBefore).toBe(12_000);
      expect(rest.pulledBefore).toBe(cut.pulled);
      if (writes === 1) expect(cut).toMatchObject({ ok: false, pulled: 5_000 });
      await turns(500);
      expect(await storedAfterAMinute(bench)).toEqual(seconds);
      await expectBalance(bench);
    },
  );

  test('a stream that the node never had, and a second pull at the same time, are refused', async () => {
    const bench = await startTestNode(plan());
    await collect(bench, 'raw', 'm-1', [1]);
    expect(await pull(bench, { stream: 'nothing' })).toMatchObject({ ok: false, reason: 'no-such-stream' });
    expect(await pull(bench, { device: 'm-9' })).toMatchObject({
      reason: 'no-such-stream',
      detail: 'this node never had a stream "raw" of a device "m-9"',
    });
    const both = Promise.all([bench.node.pull({ stream: 'raw', ...ALWAYS }), pull(bench)]);
    expect(await both).toMatchObject([{ ok: true, pulled: 1 }, { reason: 'busy' }]);
    expect(await pull(bench)).toEqual(counts({ pulledBefore: 1 }));
  });

  test('a stream that the fleet file no longer has, or has in another class, can be pulled', async () => {
    const first = await startTestNode(plan());
    await collect(first, 'raw', 'm-1', [1, 2]);
    await collect(first, 'other', 'm-1', [3]);
    const { disk } = first;
    const second = await startTestNode(nodePlan([streamPlan('raw', { syncMs: 'on-demand', lane: 3 })]), { disk });
    expect(await pull(second, spanned(0, 2))).toEqual(counts({ pulled: 1, stillLocal: 1 }));
    expect(await pull(second, { stream: 'other' })).toEqual(counts({ pulled: 1 }));
    const { ledger } = await second.node.status();
    expect(ledger.streams).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ stream: 'raw', priority: 'high', kept: 0, local: 1 }),
        expect.objectContaining({ stream: 'raw', priority: 'low', kept: 1, local: 0 }),
        expect.objectContaining({ stream: 'other', priority: 'normal', kept: 1, local: 0 }),
      ]),
    );
    await expectBalance(second);
  });

  test('times from before the clock was synchronised are corrected in the same opening, uncertain after it', async () => {
    const bench = await startTestNode(plan());
    bench.clock.setState('unsynced');
    bench.clock.jumpTo(Date.UTC(2001, 0, 1));
    await bench.offer({ readings: [{ device: 'm-1', stream: 'raw', value: 1 }] });
    bench.clock.advance(1_500);
    const synchronised = Date.UTC(2026, 5, 1);
    bench.clock.jumpTo(synchronised);
    bench.clock.setState('synced');
    await pull(bench);
    bench.clock.setState('unsynced');
    await bench.offer({ readings: [{ device: 'm-1', stream: 'raw', value: 2 }] });
    await bench.crash();
    bench.clock.setState('synced');
    await pull(bench);
    await storedAfterAMinute(bench);
    expect(bench.store.rows().map(({ value, ts, quality }) => ({ value, ts, quality }))).toMatchObject([
      { value: 1, ts: synchronised - 1_500, quality: 'good' },
      { value: 2, quality: 'uncertain' },
    ]);
  });

  test('law: whatever is pulled, collected and killed in whatever order, each record is stored once if asked for', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('collect' as const), seconds: fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }) }),
      fc.record({ do: fc.constant('pull' as const), from: fc.nat(30), length: fc.integer({ min: 1, max: 20 }) }),
      fc.constant({ do: 'crash' as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        const bench = await startTestNode(plan());
        let local: number[] = [];
        const due: number[] = [];
        for (const one of steps) {
          if (one.do === 'crash') await bench.crash();
          else if (one.do === 'collect') {
            await collect(bench, 'raw', 'm-1', one.seconds);
            local.push(...one.seconds);
          } else {
            const end = one.from + one.length;
            const asked = local.filter((second) => one.from <= second && second < end);
            local = local.filter((second) => second < one.from || second >= end);
            due.push(...asked);
            const known = local.length > 0 || due.length > 0;
            expect(await pull(bench, spanned(one.from, end))).toMatchObject(
              known ? { ok: true, pulled: asked.length, stillLocal: local.length, agedOut: 0 } : { pulled: 0 },
            );
          }
          expect((await bench.node.status()).ledger.localHeld).toBe(local.length);
        }
        expect(await storedAfterAMinute(bench)).toEqual(due.sort((a, b) => a - b));
        await expectBalance(bench);
      }),
      { numRuns: 40 },
    );
  });
});
