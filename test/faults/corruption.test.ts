import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openKeyRing } from '../../adapters/embedded/key-file.ts';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { commitOf, readAll } from '../contracts/journal.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import {
  copyOf,
  expectOnlyTouchedBlocksLost,
  type Files,
  type HealthyJournal,
  journalOn,
  type KnownBlock,
  makeHealthyJournal,
} from '../journal/damaged-journal.ts';

/**
 * Bytes that change by themselves: whatever they are, only the blocks that they touch are lost, their records are named
 * as missing, the queue goes on, and nothing takes long.
 */
let small: HealthyJournal;
let large: HealthyJournal;
beforeAll(async () => {
  small = await makeHealthyJournal({ maxBytes: 64 * 1024, lives: 2, commits: 4, records: 1 });
  large = await makeHealthyJournal({ maxBytes: 256 * 1024, lives: 3, commits: 60, records: 24 });
});

const damagedBy = (healthy: HealthyJournal, damage: (files: Files) => void): Files => {
  const files = copyOf(healthy.files);
  damage(files);
  return files;
};
/** All failures at once, each with where it was. */
async function expectAllWell(
  healthy: HealthyJournal,
  cases: readonly (readonly [where: string, damage: (files: Files) => void])[],
): Promise<void> {
  const failures: string[] = [];
  for (const [where, damage] of cases) {
    try {
      await expectOnlyTouchedBlocksLost(healthy, damagedBy(healthy, damage));
    } catch (error) {
      failures.push(`${where}: ${(error as Error).message}`);
    }
  }
  expect(failures.slice(0, 10)).toEqual([]);
  expect(cases.length).toBeGreaterThan(0);
}

const nameOf = ({ file, offset, kind }: KnownBlock): string => `${kind} at ${file} ${offset}`;
const change = (file: string, offset: number, to: (byte: number) => number) => (files: Files) => {
  const bytes = files.get(file)!;
  if (offset < bytes.length) bytes[offset] = to(bytes[offset]!);
};
const overwrite = (file: string, offset: number, bytes: Uint8Array) => (files: Files) => {
  const content = files.get(file)!;
  content.set(bytes.subarray(0, Math.max(0, content.length - offset)), offset);
};

test('the journals under test have blocks of every kind, of several files and epochs', () => {
  for (const { blocks, values } of [small, large]) {
    expect([...new Set(blocks.map(({ kind }) => kind))].sort()).toEqual(['commit', 'fates', 'head']);
    expect(new Set(blocks.map(({ epoch }) => epoch)).size).toBeGreaterThan(1);
    expect(values.size).toBeGreaterThan(4);
  }
  expect(new Set(large.blocks.map(({ file }) => file)).size).toBeGreaterThan(4);
});

test('the check itself: a lost block that nobody touched is found out', async () => {
  const [first] = small.blocks.filter(({ kind }) => kind === 'commit');
  const files = copyOf(small.files);
  change(first!.file, first!.offset + 50, (byte) => byte ^ 1)(files);
  const blind = { ...small, blocks: small.blocks.filter((block) => block !== first) };
  await expect(expectOnlyTouchedBlocksLost(blind, files)).rejects.toThrow('of untouched blocks');
});

test('every single byte of a small journal, inverted', () =>
  expectAllWell(
    small,
    [...small.files].flatMap(([file, bytes]) =>
      Array.from(bytes.subarray(0, 4_096), (_, offset) => [
        `${file} ${offset}`,
        change(file, offset, (byte) => byte ^ 0xff),
      ]),
    ),
  ));

/** Within a block: each field of the header, the ends and the middle of the payload, the tag. */
const PLACES = [0, 3, 4, 8, 12, 15, 16, 20, 24, 31, 32, 36, 37, 39, 40];
const placesIn = ({ length }: KnownBlock): number[] => [...PLACES, length >> 1, length - 17, length - 16, length - 1];

describe('every kind of offset', () => {
  const atEachPlace = (damage: (block: KnownBlock, offset: number) => (files: Files) => void) => () =>
    expectAllWell(
      large,
      large.blocks
        .filter((_, at) => at % 16 === 0 || at > large.blocks.length - 4)
        .flatMap((block) =>
          placesIn(block).map((place) => [`${nameOf(block)}+${place}`, damage(block, block.offset + place)] as const),
        ),
    );

  test(
    'one bit',
    atEachPlace(({ file }, offset) => change(file, offset, (byte) => byte ^ 0x10)),
  );
  test(
    'a sector of zeros',
    atEachPlace(({ file }, offset) => overwrite(file, offset, new Uint8Array(512))),
  );
  test(
    'a file that ends there',
    atEachPlace(
      ({ file }, offset) =>
        (files) =>
          files.set(file, files.get(file)!.subarray(0, offset)),
    ),
  );
});

describe('blocks in the wrong place', () => {
  const pairs = (fits: (a: KnownBlock, b: KnownBlock) => boolean): [KnownBlock, KnownBlock][] =>
    large.blocks.flatMap((a, at) =>
      large.blocks
        .slice(at + 1)
        .filter((b) => fits(a, b))
        .filter((_, index) => index % 16 === 0)
        .map((b): [KnownBlock, KnownBlock] => [a, b]),
    );
  const ofOneSize = (a: KnownBlock, b: KnownBlock): boolean => a.length === b.length && a.kind === b.kind;

  test('two of one size exchanged', () =>
    expectAllWell(
      large,
      pairs(ofOneSize)
        .filter((_, at) => at % 3 === 0)
        .map(([a, b]) => [
          `${nameOf(a)} and ${nameOf(b)}`,
          (files) => {
            overwrite(a.file, a.offset, b.bytes)(files);
            overwrite(b.file, b.offset, a.bytes)(files);
          },
        ]),
    ));

  test('one written over another', () =>
    expectAllWell(
      large,
      pairs(ofOneSize)
        .filter((_, at) => at % 3 === 1)
        .flatMap(([a, b]) => [
          [`${nameOf(a)} over ${nameOf(b)}`, overwrite(b.file, b.offset, a.bytes)],
          [`${nameOf(b)} over ${nameOf(a)}`, overwrite(a.file, a.offset, b.bytes)],
        ]),
    ));

  test('one once more behind the last, where old bytes may lie', () =>
    expectAllWell(
      large,
      large.blocks
        .filter((_, at) => at % 3 === 0)
        .map((block) => [
          nameOf(block),
          (files) => files.set(block.file, Buffer.concat([files.get(block.file)!, block.bytes])),
        ]),
    ));
});

describe('whole files', () => {
  const names = (): string[] => [...large.files.keys()].filter((name) => name.endsWith('.hwj'));

  test('one missing', () =>
    expectAllWell(
      large,
      // The newest one's loss is that of all its blocks, the last of them too.
      names()
        .filter((name) => name !== large.newest)
        .map((name) => [name, (files) => files.delete(name)]),
    ));
  test('one empty, one of zeros, one of noise', () =>
    expectAllWell(
      large,
      names()
        .filter((name) => name !== large.newest)
        .flatMap((name) => [
          [`${name} empty`, (files: Files) => files.set(name, Buffer.alloc(0))] as const,
          [`${name} zeros`, (files: Files) => files.set(name, Buffer.alloc(files.get(name)!.length))] as const,
          [
            `${name} noise`,
            (files: Files) => files.set(name, Buffer.alloc(files.get(name)!.length, 'HWB2 and no block')),
          ] as const,
        ]),
    ));
  test('one under the name of another too, and under a name that is new', () =>
    expectAllWell(
      large,
      names().flatMap((name) => [
        [`${name} as a later one`, (files) => files.set('records-0000009999.hwj', Buffer.from(files.get(name)!))],
        [`${name} as a spare`, (files) => files.set('spare-0000000003.hwj', Buffer.from(files.get(name)!))],
      ]),
    ));
  test('spares of any content and size', () =>
    expectAllWell(
      large,
      [0, 1, 39, 40, 4_096, 20_000].flatMap((size) => [
        [`noise of ${size}`, (files) => files.set('spare-0000000000.hwj', Buffer.alloc(size, 'HWB2'))],
        [`zeros of ${size}`, (files) => files.set('spare-0000000002.hwj', Buffer.alloc(size))],
      ]),
    ));
});

test('anything anywhere, several times over', async () => {
  const names = [...large.files.keys()];
  const damage = fc.record({
    file: fc.constantFrom(...names),
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    how: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.integer({ min: 1, max: 3_000 }).map((length) => new Uint8Array(length)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      // One log at a time: where a block and the note of what became of it are both gone, nobody can tell.
      const log = damages[0]!.file.split('-')[0]!;
      const files = damagedBy(large, (content) => {
        for (const { file, at, how } of damages) {
          if (file.startsWith(log)) overwrite(file, Math.floor(at * content.get(file)!.length), how)(content);
        }
      });
      // The newest two segments carry the state: what is promised of them is one place at a time.
      const newest = large.blocks.filter(({ file, kind }) => kind === 'head' && file.startsWith(log)).slice(-2);
      const hurt = newest.filter(({ file }) => !files.get(file)!.equals(large.files.get(file)!));
      fc.pre(hurt.length < 2);
      await expectOnlyTouchedBlocksLost(large, files);
    }),
    { numRuns: 100 },
  );
});

describe('keys', () => {
  test('a directory whose key is not there is refused, and nothing in it is touched', async () => {
    const files = copyOf(large.files);
    await expect(journalOn(files, large.maxBytes, createMemoryKeyRing([2])).open()).rejects.toThrow(/key 1\b/);
    expect(files).toEqual(large.files);
    await expectOnlyTouchedBlocksLost(large, files);
  });

  test('every byte of the key file, changed: it is refused, or the journal refuses it, or nothing is wrong', async () => {
    const folder = await makeTemporaryDirectory();
    const path = join(folder.path, 'keys.json');
    const clock = createManualClock();
    try {
      const files: Files = new Map();
      const ring = await openKeyRing(path, clock);
      const journal = journalOn(files, small.maxBytes, ring);
      const { epoch } = await journal.open();
      await journal.append(commitOf(2, [1, 2, 3]));
      await journal.close();
      const healthy = await readFile(path);
      const fates = { unreadable: 0, refused: 0, harmless: 0 };
      for (let offset = 0; offset < healthy.length; offset++) {
        const damaged = Buffer.from(healthy);
        damaged[offset]! ^= 1;
        await writeFile(path, damaged);
        const opened = await openKeyRing(path, clock).catch((error: Error) => error);
        expect(await readFile(path)).toEqual(damaged);
        if (opened instanceof Error) {
          expect(opened.message).toContain(path);
          fates.unreadable++;
          continue;
        }
        const copy = copyOf(files);
        const again = journalOn(copy, small.maxBytes, opened);
        const found = await again.open().catch((error: Error) => error);
        if (found instanceof Error) {
          expect(found.name).toBe('WrongKeysError');
          expect(copy).toEqual(files);
          fates.refused++;
        } else {
          expect((await readAll(again, epoch, 2, 3)).values).toEqual([1, 2, 3]);
          fates.harmless++;
        }
      }
      expect(Math.min(fates.unreadable, fates.refused, fates.harmless)).toBeGreaterThan(0);
    } finally {
      await folder.remove();
    }
  });
});
