import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AnswerItem,
  decodeAnswer,
  decodeQuestion,
  encodeAnswers,
  encodeQuestion,
  MAX_ANSWER_BYTES,
  MAX_KNOWN_RANGES,
  type Question,
  REFUSALS,
} from '../../core/messages.ts';
import type { Lane } from '../../core/priority.ts';
import { countOf, type Range, rangeSetOf } from '../../core/ranges.ts';
import { EPOCH_A, EPOCH_B } from '../helpers/envelopes.ts';

const key = { producer: 'edge', epoch: EPOCH_A, lane: 2 as const };
const HIGHEST = Number.MAX_SAFE_INTEGER;
/** Ranges as long to write as ranges get. */
const longRanges = (count: number): Range[] =>
  Array.from({ length: count }, (_, at) => ({ from: HIGHEST - 4 * (count - at), to: HIGHEST - 4 * (count - at) + 2 }));

const decodeAll = (messages: readonly Uint8Array[]): AnswerItem[] =>
  messages.flatMap((message) => {
    const decoded = decodeAnswer(message);
    if (!decoded.ok) throw new Error(decoded.detail);
    expect(decoded.value.farSide).toBe('far-1');
    return decoded.value.items;
  });

const range = fc
  .tuple(fc.nat(10_000), fc.integer({ min: 1, max: 50 }))
  .map(([from, size]) => ({ from, to: from + size }));
const ranges = (minLength: number) =>
  fc.array(range, { minLength, maxLength: MAX_KNOWN_RANGES }).map((all) => [...rangeSetOf(all)]);
const keys = {
  producer: fc.constantFrom('edge', 'ml'),
  epoch: fc.constantFrom(EPOCH_A, EPOCH_B),
  lane: fc.constantFrom<Lane[]>(0, 1, 2, 3),
};
const plain = { noNullPrototype: true };
const anyItem: fc.Arbitrary<AnswerItem> = fc.oneof(
  fc.record({ type: fc.constant('stored' as const), ...keys, ranges: ranges(1) }, plain),
  fc.record(
    {
      type: fc.constant('refused' as const),
      ...keys,
      from: fc.nat(),
      to: fc.nat(),
      reason: fc.constantFrom(...REFUSALS),
    },
    plain,
  ),
  fc.record({ type: fc.constant('status' as const), ...keys, asked: ranges(0), known: ranges(0) }, plain),
  fc.record({ type: fc.constant('counted' as const), ...keys, upTo: fc.nat(), givenUp: ranges(0) }, plain),
);

test.each(['\ud800', 'a\0', "'", 'Sense', '', '-a', 'a'.repeat(65)])('a producer %j is no name', (producer) => {
  const question = { type: 'counts', lanes: [{ ...key, producer, upTo: 1, delivered: 1, givenUp: [] }] } as const;
  expect(decodeQuestion(Buffer.from(JSON.stringify(question))).ok).toBe(false);
  expect(decodeQuestion(Buffer.from(JSON.stringify(question).replace(JSON.stringify(producer), '"sense"'))).ok).toBe(
    true,
  );
});

describe('answers', () => {
  test('arrive whole: what is not "stored" as it is, "stored" as one set a lane', () => {
    const storedOf = (items: readonly AnswerItem[]) => {
      const lanes = new Map<string, Range[]>();
      for (const item of items) {
        if (item.type !== 'stored') continue;
        const lane = `${item.producer} ${item.epoch} ${item.lane}`;
        lanes.set(lane, [...rangeSetOf([...(lanes.get(lane) ?? []), ...item.ranges])]);
      }
      return lanes;
    };
    fc.assert(
      fc.property(fc.array(anyItem, { maxLength: 60 }), (items) => {
        const messages = encodeAnswers('far-1', items);
        for (const message of messages) expect(message.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
        const arrived = decodeAll(messages);
        expect(arrived.filter(({ type }) => type !== 'stored')).toEqual(items.filter(({ type }) => type !== 'stored'));
        expect(storedOf(arrived)).toEqual(storedOf(items));
      }),
    );
  });

  test('of the longest items keep the limit', () => {
    const longest = { producer: 'p'.repeat(64), epoch: EPOCH_A, lane: 3 as const };
    const full = longRanges(MAX_KNOWN_RANGES);
    const items: AnswerItem[] = [
      { type: 'status', ...longest, asked: full, known: full },
      { type: 'refused', ...longest, from: HIGHEST - 1, to: HIGHEST, reason: 'unsupported-version', known: full },
      { type: 'counted', ...longest, upTo: HIGHEST, givenUp: full },
      { type: 'stored', ...longest, ranges: longRanges(1_000) },
    ];
    const messages = encodeAnswers('far-1', items);
    for (const message of messages) expect(message.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
    const stored = decodeAll(messages).flatMap((item) => (item.type === 'stored' ? item.ranges : []));
    expect(countOf(stored)).toBe(2_000);
  });

  test('fill their messages', () => {
    const items = Array.from(
      { length: 500 },
      (_, at): AnswerItem => ({
        type: 'refused',
        ...key,
        from: at,
        to: at + 1,
        reason: 'overlap',
      }),
    );
    const messages = encodeAnswers('far-1', items);
    for (const message of messages.slice(0, -1)) expect(message.length).toBeGreaterThan(MAX_ANSWER_BYTES - 200);
  });

  test('of nothing are none', () => {
    expect(encodeAnswers('far-1', [])).toEqual([]);
  });
});

describe('questions', () => {
  test('come back as they were', () => {
    const questions: Question[] = [
      { type: 'status', lanes: [{ ...key, ranges: [{ from: 0, to: 10 }] }] },
      { type: 'counts', lanes: [{ ...key, upTo: 10, delivered: 4, givenUp: [{ from: 2, to: 3 }] }] },
      {
        type: 'counts',
        lanes: [{ ...key, upTo: 10, delivered: 4, givenUp: [], rest: { waiting: 5, expired: 1, doubtful: 2 } }],
        whole: true,
      },
    ];
    for (const value of questions) expect(decodeQuestion(encodeQuestion(value))).toEqual({ ok: true, value });
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '{"type":', /not JSON/],
    ['no type', '{"lanes":[]}', /type/],
    [
      'an empty range',
      '{"type":"status","lanes":[{"producer":"a","epoch":"aaaaaaaaaaaaaaaa","lane":0,"ranges":[[3,3]]}]}',
      /from must be below to/,
    ],
    [
      'a lane that is none',
      '{"type":"status","lanes":[{"producer":"a","epoch":"aaaaaaaaaaaaaaaa","lane":4,"ranges":[]}]}',
      /lane/,
    ],
    ['deep nesting', `{"type":${'['.repeat(50_000)}`, /not JSON|type/],
  ])('%s is named', (_, text, detail) => {
    expect(decodeQuestion(Buffer.from(text))).toEqual({ ok: false, detail: expect.stringMatching(detail) });
  });
});

describe('what only a newer release knows', () => {
  const bytes = (json: unknown): Uint8Array => Buffer.from(JSON.stringify(json));

  test('fields are passed over', () => {
    expect(decodeQuestion(bytes({ type: 'status', lanes: [], more: 1 }))).toEqual({
      ok: true,
      value: { type: 'status', lanes: [] },
    });
    expect(decodeAnswer(bytes({ farSide: 'far-1', items: [], more: 1 }))).toEqual({
      ok: true,
      value: { farSide: 'far-1', items: [] },
    });
  });

  test('a kind of question is named, and is not broken', () => {
    const kind = 'please'.repeat(20);
    expect(decodeQuestion(bytes({ type: kind }))).toMatchObject({ ok: false, unknownKind: kind.slice(0, 40) });
    expect(decodeQuestion(bytes({ type: 'status' }))).not.toHaveProperty('unknownKind');
  });

  test('items and reasons of an answer are left out and named; the others count', () => {
    const stored = { type: 'stored', ...key, ranges: [[0, 4]] };
    const items = [{ type: 'praised' }, stored, { type: 'refused', ...key, from: 4, to: 5, reason: 'bored' }];
    expect(decodeAnswer(bytes({ farSide: 'far-1', items }))).toEqual({
      ok: true,
      value: { farSide: 'far-1', items: [{ ...stored, ranges: [{ from: 0, to: 4 }] }] },
      ignored: ['praised', 'refused: bored'],
    });
    expect(decodeAnswer(bytes({ farSide: 'far-1', items: [{ ...stored, ranges: [] }] })).ok).toBe(false);
    expect(decodeAnswer(bytes({ farSide: 'far-1', items: ['x'] })).ok).toBe(false);
  });
});

describe('a count statement that contradicts itself is refused', () => {
  const of = (lane: object) =>
    decodeQuestion(
      Buffer.from(
        JSON.stringify({ type: 'counts', whole: true, lanes: [{ ...key, upTo: 10, delivered: 4, ...lane }] }),
      ),
    );
  test.each([
    ['waiting and given up by name', { givenUp: [[0, 5]], rest: { waiting: 6, expired: 5 } }],
    ['waiting and given up by name, not by count', { givenUp: [[0, 5]], rest: { waiting: 6 } }],
    ['waiting and given up by count', { givenUp: [], rest: { waiting: 4, evicted: 2, damaged: 1 } }],
    ['delivered and given up', { givenUp: [[0, 7]] }],
    ['delivered here and elsewhere', { givenUp: [], rest: { elsewhere: 7 } }],
    ['dead letters and waiting', { givenUp: [], rest: { deadLettered: 5, waiting: 2 } }],
    ['given up and never enqueued', { givenUp: [[9, 11]] }],
  ])('%s', (_name, lane) => {
    expect(of(lane)).toMatchObject({ ok: false, detail: expect.stringMatching(/^lanes\.0: /) });
  });

  test('one fate each is none, whatever is in doubt and however often a range is named', () => {
    const twice = [
      [4, 6],
      [5, 7],
    ];
    expect(of({ givenUp: twice, rest: { waiting: 3, expired: 3, doubtful: 6 } })).toMatchObject({ ok: true });
  });
});
