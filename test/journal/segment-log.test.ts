import { describe, expect, test } from '@jest/globals';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { epochOf } from '../../core/identity.ts';
import type { Disk, DiskFile } from '../../core/ports.ts';
import { readHeader } from '../../journal/block.ts';
import { createLogKeys } from '../../journal/key-ring.ts';
import { refuseWrongKeys, retireKeys } from '../../journal/keys-on-disk.ts';
import { counts, recoverLog, scanSegment } from '../../journal/segment-files.ts';
import { createSegmentLog } from '../../journal/segment-log.ts';
import { openSegmentPool } from '../../journal/segment-pool.ts';
import { createVirtualDisk, DISK_TROUBLES } from '../../simulator/virtual-disk.ts';
import { createWorld, type Life } from '../../simulator/world.ts';
import { recordsLogOn } from '../helpers/segment-log.ts';

const LOG = 'records';
const LIVES = 8;
const STEPS = 40;

/** A segment log on a disk that loses power, through several lives. What was acknowledged must always be there. */
async function torture(seed: bigint) {
  const world = createWorld(seed);
  const { dice } = world;
  const disk = createVirtualDisk(world, 'disk', { errorChance: 0, meanOperationsToCrash: Number.POSITIVE_INFINITY });
  const ring = createMemoryKeyRing();
  const keys = createLogKeys(ring, 'sense', LOG);
  const nonces = new Map<string, number>();
  const done = { recycled: 0, spares: 0, rotated: 0, retired: 0, failed: 0, cuts: 0 };
  let next = 1;
  let acknowledged = 0;
  /** Where the acknowledged ones are, by segment. */
  const placed = new Map<number, number[]>();
  /** Refused, and something was acknowledged after them. */
  const dead = new Set<number>();
  let refused: number[] = [];

  for (let number = 0; number < LIVES; number++) {
    const life: Life = { alive: true };
    disk.trouble = 'none';
    disk.faults = { errorChance: 0, meanOperationsToCrash: dice.chance(0.5) ? 150 : Number.POSITIVE_INFINITY };
    const port = noting(
      disk.portOf(life, () => end(true)),
      nonces,
    );
    const end = (power: boolean): void => {
      life.alive = false;
      if (power) disk.powerCut();
      else disk.processEnds();
      done.cuts += power ? 1 : 0;
    };
    /** The outcome; undefined if the process died of it. */
    const within = async <T>(promise: Promise<T>): Promise<{ ok: true; value: T } | { ok: false } | undefined> => {
      let outcome: { ok: true; value: T } | { ok: false; error: unknown } | undefined;
      promise.then(
        (value) => (outcome = { ok: true, value }),
        (error) => (outcome = { ok: false, error }),
      );
      for (let turn = 0; outcome === undefined && life.alive && turn < 10_000; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (outcome === undefined) await world.step();
      }
      if (!life.alive) return undefined;
      if (outcome === undefined) throw new Error('neither done nor dead');
      if (!outcome.ok && (outcome.error as { code?: string }).code?.match(/^E[A-Z]+$/) == null) throw outcome.error;
      return outcome;
    };

    const opened = await within(
      (async () => {
        await refuseWrongKeys(port, ring, 'sense');
        const pool = await openSegmentPool(port);
        const recovered = await recoverLog(port, LOG, keys);
        const scans = new Map<number, number[]>();
        for (const segment of recovered.segments) {
          const { blocks } = await scanSegment(port, LOG, segment, keys);
          const own = blocks.filter((block) => block.kind === 'commit' && counts(block, recovered.truncated));
          scans.set(
            segment,
            own.map(({ payload }) => Buffer.from(payload).readUInt32LE(0)),
          );
        }
        return { pool, recovered, scans };
      })(),
    );
    if (!opened?.ok) continue;
    const { pool, recovered, scans } = opened.value;
    const found = [...scans.values()].flat();
    const inHead = (recovered.head?.snapshot as number | undefined) ?? 0;
    expect(Math.max(inHead, ...found)).toBeGreaterThanOrEqual(acknowledged);
    expect(found.filter((one) => dead.has(one))).toEqual([]);
    expect(recovered.damages).toBe(0);
    for (const [segment, numbers] of placed) expect(scans.get(segment) ?? []).toEqual(expect.arrayContaining(numbers));
    // What nobody was told of is there or not: from now on it is what it is.
    acknowledged = Math.max(inHead, acknowledged, ...found);
    refused = [];

    const log = createSegmentLog(port, {
      log: LOG,
      keys,
      epoch: epochOf(dice.u64()),
      nextSegment: (recovered.segments.at(-1) ?? 0) + 1,
      truncated: recovered.truncated,
      snapshot: () => acknowledged,
      files: { pool, payloadBytes: 2_000, mayPrepare: () => true },
    });
    for (let step = 0; step < STEPS && life.alive; step++) {
      if (dice.chance(0.05)) disk.trouble = dice.pick(DISK_TROUBLES);
      else if (dice.chance(0.3)) disk.trouble = 'none';
      const kind = dice.fraction();
      if (kind < 0.75) {
        const payload = Buffer.alloc(dice.int(4, 700));
        const one = next++;
        payload.writeUInt32LE(one, 0);
        const wrote = await within(
          (async () => {
            if (!log.fits(payload.length)) await log.roll();
            const [place] = await log.append([{ kind: 'commit', payload }], { sync: true });
            return place!;
          })(),
        );
        if (wrote?.ok) {
          acknowledged = one;
          placed.set(wrote.value.segment, [...(placed.get(wrote.value.segment) ?? []), one]);
          for (const before of refused) dead.add(before);
          refused = [];
        } else {
          refused.push(one);
          done.failed++;
        }
      } else if (kind < 0.9) {
        const old = [...placed.keys()].filter((segment) => segment < log.segment - 3).slice(0, dice.int(1, 3));
        for (const segment of old) placed.delete(segment);
        if ((await within(log.recycle(old)))?.ok) done.recycled += old.length;
      } else if (kind < 0.93) {
        ring.rotate();
        done.rotated++;
      } else if (kind < 0.97) {
        const before = ring.describe();
        await within(retireKeys(port, ring, new Set()));
        if (ring.describe() !== before) done.retired++;
      }
    }
    if (life.alive) end(dice.chance(0.7));
    done.spares += [...disk.files().keys()].filter((name) => name.startsWith('spare-')).length;
  }
  return { nonces, done };
}

/** Notes each block that goes to the disk under its key and nonce, and fails if one comes again. */
function noting(disk: Disk, nonces: Map<string, number>): Disk {
  const note = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      const header = readHeader(bytes, at);
      if (!header) {
        expect(bytes.subarray(at).every((byte) => byte === 0)).toBe(true); // room for the next ones
        return;
      }
      const name = `${header.keyId}/${header.epoch}/${header.segment}/${header.block}`;
      expect(nonces.get(name)).toBeUndefined();
      nonces.set(name, header.length);
      at += header.length;
    }
  };
  const noted = (file: DiskFile): DiskFile => ({
    ...file,
    write(offset, bytes) {
      note(bytes);
      return file.write(offset, bytes);
    },
  });
  return {
    ...disk,
    create: async (name) => noted(await disk.create(name)),
    open: async (name) => noted(await disk.open(name)),
  };
}

describe('a segment log on a disk that fails and loses power', () => {
  test('keeps what it acknowledged, sees no damage, and never uses a nonce twice', async () => {
    const total: Record<string, number> = {};
    for (let seed = 1n; seed <= 25n; seed++) {
      const { nonces, done } = await torture(seed);
      for (const [name, count] of Object.entries({ ...done, blocks: nonces.size }))
        total[name] = (total[name] ?? 0) + count;
    }
    // Nothing of this may have been left out.
    for (const [name, count] of Object.entries(total)) expect([name, count > 20]).toEqual([name, true]);
  }, 120_000);
});

test('an old segment file becomes a spare and the spare the next segment: no new space, one flush a commit', async () => {
  const disk = createMemoryDisk();
  const calls: string[] = [];
  const counted = (file: DiskFile): DiskFile => ({ ...file, sync: () => void calls.push('fdatasync') });
  const port: Disk = {
    ...disk,
    create: async (name) => counted(await disk.create(name)),
    open: async (name) => counted(await disk.open(name)),
    rename(from, to) {
      calls.push(`${from} > ${to}`);
      return disk.rename(from, to);
    },
  };
  const pool = await openSegmentPool(port);
  const log = recordsLogOn(port, pool);
  await log.roll();
  const payload = new Uint8Array(1_000);
  const fill = async (): Promise<void> => {
    while (log.fits(payload.length)) await log.append([{ kind: 'commit', payload }], { sync: true });
    await pool.settled();
  };
  await fill();
  await log.roll(); // onto the one that was prepared
  await fill();
  await log.roll();
  await log.recycle([2]);
  await log.roll();
  expect(calls.filter((call) => call.includes('>'))).toEqual([
    'spare-0000000000.hwj > records-0000000002.hwj',
    'spare-0000000000.hwj > records-0000000003.hwj',
    'records-0000000002.hwj > spare-0000000002.hwj',
    'spare-0000000002.hwj > records-0000000004.hwj',
  ]);
  expect(log.fileBytes).toBe(log.capacity);
  calls.length = 0;
  await log.append([{ kind: 'commit', payload }], { sync: true });
  expect(calls).toEqual(['fdatasync']);
  // The old bytes are still in the file: none of them is a block of the new segment.
  const { blocks, damaged } = await log.scan(4);
  expect([blocks.map(({ block }) => block), damaged]).toEqual([[0, 1], []]);
  await log.close();
});

test('a spare that is not wanted any more gives its space back, even while it is made', async () => {
  const disk = createMemoryDisk();
  const pool = await openSegmentPool(disk);
  pool.prepareNext(5_000);
  expect(pool.bytes()).toBe(5_000);
  await pool.release();
  await pool.settled();
  expect([pool.bytes(), disk.files.size]).toEqual([0, 0]);
});

test('what a crash left half prepared is not used', async () => {
  const disk = createMemoryDisk(new Map([['spare-0000000000.hwj', Buffer.alloc(100)]]));
  const pool = await openSegmentPool(disk);
  expect(await pool.take('records-0000000001.hwj', 5_000)).toBe(false);
  expect([...disk.files.keys()]).toEqual([]);
});

test('a new segment has a higher number than any block that a spare may still hold', async () => {
  const disk = createMemoryDisk(new Map([['spare-0000000009.hwj', Buffer.alloc(100)]]));
  const log = createSegmentLog(disk, {
    log: LOG,
    keys: createLogKeys(createMemoryKeyRing(), 'sense', LOG),
    epoch: epochOf(1n),
    nextSegment: 3,
    truncated: {},
    snapshot: () => null,
    files: { pool: await openSegmentPool(disk), payloadBytes: 4_000, mayPrepare: () => false },
  });
  await log.roll();
  expect(log.segment).toBe(10);
});

test('the pool keeps two spares, and more as far as its share goes; all of it is given back', async () => {
  const disk = createMemoryDisk(
    new Map([1, 2, 3, 4, 5].map((number) => [`records-000000000${number}.hwj`, Buffer.alloc(1_000)])),
  );
  const keeps = async (maxBytes: number): Promise<boolean[]> => {
    const pool = await openSegmentPool(createMemoryDisk(new Map(disk.files)), maxBytes);
    const kept: boolean[] = [];
    for (const number of [1, 2, 3, 4, 5]) kept.push(await pool.give(`records-000000000${number}.hwj`, number, 1_000));
    expect(pool.bytes()).toBe(1_000 * kept.filter(Boolean).length);
    await pool.release();
    expect(pool.bytes()).toBe(0);
    return kept;
  };
  expect(await keeps(0)).toEqual([true, true, false, false, false]);
  expect(await keeps(4_999)).toEqual([true, true, true, true, false]);
});
