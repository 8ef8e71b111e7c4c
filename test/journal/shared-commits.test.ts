import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JournalLane } from '../../journal/commit-codec.ts';
import type { AppendResult, Commit } from '../../journal/journal-port.ts';
import { readCommit, readResult, writeResult } from '../../journal/shared-append.ts';
import { createSharedCommits } from '../../journal/shared-commits.ts';

/** The memory as the other thread sees it. */
function sharedWith() {
  const memories: Buffer[] = [];
  const shared = createSharedCommits((memory) => void memories.push(Buffer.from(memory)));
  return { shared, memories, read: () => readCommit(memories.at(-1)!) };
}

const commitOf = (...lengths: number[]): Commit => ({
  lanes: lengths.map((length, lane) => ({
    lane: lane as JournalLane,
    count: 1,
    bytes: new Uint8Array(length).fill(lane),
  })),
  state: {},
  series: 0,
  clockOffsetMs: 0,
});
const plain = ({ lanes, ...rest }: Commit) => ({
  ...rest,
  lanes: lanes.map(({ bytes, ...lane }) => ({ ...lane, bytes: Buffer.from(bytes).toString('hex') })),
});

const lane = fc.record({
  lane: fc.constantFrom<JournalLane>(0, 1, 2, 3, 4),
  count: fc.nat(0xffff_ffff),
  bytes: fc.uint8Array({ maxLength: 300 }),
});
const anyCommit: fc.Arbitrary<Commit> = fc.record({
  lanes: fc.array(lane, { maxLength: 5 }),
  state: fc.dictionary(
    fc.string({ unit: 'grapheme' }),
    fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
  ),
  series: fc.nat(0xffff_ffff),
  clockOffsetMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
});

test('a commit is read from the memory as it was put there', () => {
  const { shared, read } = sharedWith();
  fc.assert(
    fc.property(anyCommit, (commit) => {
      expect(shared.put(commit)).toBe(true);
      expect(plain(read())).toEqual(plain(commit));
      shared.free();
    }),
  );
});

test('a result is read as it was written; one with more to tell is not written', () => {
  const result: AppendResult = {
    ok: true,
    monotonicMs: 12.25,
    lanes: [
      { lane: 0, first: 2 ** 40, count: 3 },
      { lane: 4, first: 0, count: 1 },
    ],
    evicted: [],
    agedMs: 0.5,
  };
  const memory = Buffer.alloc(1_000, 0xff);
  expect(writeResult(result, memory)).toBe(true);
  expect(readResult(memory)).toEqual(result);
  const evicted = [{ epoch: '00112233445566aa', lane: 3, from: 0, to: 1, fate: 'evicted' }] as const;
  expect(writeResult({ ...result, evicted }, memory)).toBe(false);
  expect(writeResult({ ok: false, reason: 'journal-full', detail: 'full', evicted: [], agedMs: 0 }, memory)).toBe(
    false,
  );
  expect(readResult(memory)).toEqual(result);
});

test('a second commit leaves the first alone, and goes another way', () => {
  const { shared, read } = sharedWith();
  expect([shared.put(commitOf(5_000)), shared.put(commitOf(6_000))]).toEqual([true, false]);
  expect(plain(read())).toEqual(plain(commitOf(5_000)));
  shared.free();
  expect(shared.put(commitOf(6_000))).toBe(true);
});

test('the memory grows with the commits, is told of once each time, and is not for very large ones', () => {
  const { shared, memories, read } = sharedWith();
  for (const length of [10, 20_000, 70_000, 10, 250_000]) {
    expect(shared.put(commitOf(length))).toBe(true);
    expect(read().lanes[0]!.bytes.length).toBe(length);
    shared.free();
  }
  expect(memories.map(({ length }) => length)).toEqual([64 * 1024, 128 * 1024, 256 * 1024]);
  expect([shared.put(commitOf(300_000)), memories.length]).toEqual([false, 3]);
  expect(shared.put(commitOf(10))).toBe(true);
});

test('records begin at a word in the memory: else they would be copied a byte at a time', () => {
  const { shared, read } = sharedWith();
  for (const lanes of [1, 2, 3]) {
    shared.put(commitOf(...Array<number>(lanes).fill(16)));
    expect(read().lanes[0]!.bytes.byteOffset % 8).toBe(0);
    shared.free();
  }
});
