import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createPayloadParser } from '../../../../adapters/sources/listen/payload.ts';
import { checkReading } from '../../../../core/reading.ts';
import { listenPlan } from '../../../helpers/listen-rig.ts';

const STREAMS = { level: {}, on: { kind: 'boolean' }, state: { kind: 'text' } };
const TIMED = { topic: '{device}', format: 'object', columns: { level: 'l', on: 'o', state: 's' } };
const TO = { topic: 'pump/level', device: 'pump', stream: 'level' };

function parse(source: object, payload: string | Uint8Array, stream: string | undefined = 'level') {
  const parser = createPayloadParser(listenPlan(STREAMS, source));
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const { readings, refused } = parser(bytes, { ...TO, stream });
  return [
    ...readings.map(({ stream: name, value, ts }) => (ts === undefined ? [name, value] : [name, value, ts])),
    ...refused.map(({ reason }) => reason),
  ];
}

test.each<[string, string, unknown[]]>([
  ['level', '3.5', [['level', 3.5]]],
  ['level', ' -1e3 ', [['level', -1000]]],
  ['level', '9007199254740993', [['level', 9007199254740993n]]],
  ['level', '"3.5"', [['level', '3.5']]],
  ['level', 'null', [['level', undefined]]],
  ['on', '1', [['on', true]]],
  ['state', '"running"', [['state', 'running']]],
  ['level', 'abc', ['unparsable']],
  ['level', '', ['unparsable']],
  ['level', '1, "x": 2', ['unparsable']],
  ['level', '1,"value":2', ['unparsable']],
  ['level', '{"a":1}', [['level', { a: 1 }]]],
])('value: %s %s', (stream, payload, expected) => expect(parse({}, payload, stream)).toEqual(expected));

test.each<[string, string, unknown[]]>([
  ['level', ' 3.5', [['level', 3.5]]],
  ['level', 'NaN', [['level', Number.NaN]]],
  ['on', 'TRUE', [['on', true]]],
  ['state', ' as it is ', [['state', ' as it is ']]],
  ['level', '', [['level', undefined]]],
])('text: %s %s', (stream, payload, expected) => expect(parse({ format: 'text' }, payload, stream)).toEqual(expected));

test.each<[object, string, unknown[]]>([
  [{}, '{"value":7,"level":8}', [['level', 7]]],
  [{ value: 'v', time: { column: 't', format: 'epoch-ms' } }, '{"v":7,"t":123}', [['level', 7, 123]]],
  [{ time: { column: 't' } }, '{"value":7}', [['level', 7, null]]],
  [
    {},
    '[{"value":1},{"value":9007199254740993},{"x":1}, 5]',
    [['level', 1], ['level', 9007199254740993n], 'no-value', 'unparsable'],
  ],
  [{}, '{"value":null}', ['no-value']],
  [{}, '{"__proto__":5}', ['no-value']],
  [{}, '[]', ['unparsable']],
  [{}, '5', ['unparsable']],
])('object %j: %s', (source, payload, expected) => {
  expect(parse({ format: 'object', ...source }, payload)).toEqual(expected);
});

test('object with columns: what is there becomes a reading, what is not is left out', () => {
  const parser = createPayloadParser(listenPlan(STREAMS, TIMED));
  const { readings } = parser(Buffer.from('{"l":1,"s":"up","o":null}'), { ...TO, stream: undefined });
  expect(readings.map(({ stream, value }) => [stream, value])).toEqual([
    ['level', 1],
    ['state', 'up'],
  ]);
});

test('text that is no UTF-8 is refused', () => {
  expect(parse({ format: 'text' }, Buffer.from([0x33, 0xff]))).toEqual(['unparsable']);
});

test('law: whatever a device sends, it has at least one fate and nothing throws', () => {
  const parsers = [{}, { format: 'text' }, { format: 'object' }, TIMED].map((source) => {
    return createPayloadParser(listenPlan(STREAMS, source));
  });
  const json = fc.json().map((text) => Buffer.from(text));
  const nested = fc.integer({ min: 1, max: 30_000 }).map((depth) => Buffer.from('['.repeat(depth)));
  const border = { nowMs: Date.UTC(2026, 0, 1), clock: 'synced' as const };
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array(), json, nested),
      fc.constantFrom('level', 'on', 'nothing'),
      (payload, stream) => {
        parsers.forEach((parser, at) => {
          const { readings, refused } = parser(payload, { ...TO, stream: at === 3 ? undefined : stream });
          expect(readings.length + refused.length).toBeGreaterThan(0);
          for (const reading of readings) checkReading(reading, 'number', border);
        });
      },
    ),
  );
});
