import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cellValue, jsonValue } from '../../../adapters/sources/cell-value.ts';
import { checkReading, type StreamKind } from '../../../core/reading.ts';

const border = { nowMs: Date.UTC(2026, 0, 1), clock: 'synced' } as const;
const fate = (value: unknown, kind: StreamKind): unknown => {
  const checked = checkReading({ device: 'd', stream: 's', value }, kind, border);
  return checked.ok ? checked.reading.value : checked.reason;
};

describe('a CSV cell', () => {
  test.each<[string, StreamKind, unknown]>([
    ['23.7', 'number', 23.7],
    [' -1e-3 ', 'number', -0.001],
    ['+.5', 'number', 0.5],
    ['-0', 'number', -0],
    ['1e300', 'number', 1e300],
    ['9007199254740991', 'number', 9007199254740991],
    ['9007199254740993', 'number', 'not-exact'],
    ['9'.repeat(400), 'number', 'not-finite'],
    ['1e999', 'number', 'not-finite'],
    ['NaN', 'number', 'not-finite'],
    ['-inf', 'number', 'not-finite'],
    ['12,5', 'number', 'not-a-number'],
    ['0x10', 'number', 'not-a-number'],
    ['n/a', 'number', 'not-a-number'],
    ['1', 'boolean', true],
    ['False', 'boolean', false],
    ['2', 'boolean', 'wrong-kind'],
    [' idle ', 'text', ' idle '],
    ['9007199254740993', 'text', '9007199254740993'],
    [' W7 door open ', 'log', ' W7 door open '],
    [' {"b": 1, "a": []} ', 'json', { json: '{"a":[],"b":1}' }],
    ['{"a":9007199254740993}', 'json', 'not-exact'],
    ['{a:1}', 'json', 'wrong-kind'],
    ['[1, -0.5]', 'array', [1, -0.5]],
    ['1;2', 'array', 'wrong-kind'],
  ])('%j of kind %s becomes %j at the border', (cell, kind, expected) => {
    expect(fate(cellValue(cell, kind), kind)).toStrictEqual(expected);
  });

  test('that is empty is no reading', () => {
    for (const kind of ['number', 'boolean', 'text'] as const) expect(cellValue('  ', kind)).toBeUndefined();
  });

  test('gives any float64 back exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const written = String(value);
        const exact = !/^-?\d+$/.test(written) || Number.isSafeInteger(value);
        expect(fate(cellValue(written, 'number'), 'number')).toBe(exact ? Number(written) : 'not-exact');
      }),
    );
  });
});

describe('a value of a JSON line', () => {
  const read = (line: string, kind: StreamKind): unknown => {
    const value = jsonValue((JSON.parse(line) as { v?: unknown }).v, 'v', line, kind);
    return value === undefined ? 'no reading' : fate(value, kind);
  };
  test.each<[string, StreamKind, unknown]>([
    ['{"v":1.5}', 'number', 1.5],
    ['{"v":12345678901234567890}', 'number', 'not-exact'],
    ['{"v" : -9007199254740993}', 'number', 'not-exact'],
    ['{"v":1e300}', 'number', 1e300],
    ['{"v":18446744073709551616.0}', 'number', 2 ** 64],
    ['{"v":"1.5"}', 'number', 'not-a-number'],
    ['{"v":1}', 'boolean', true],
    ['{"v":false}', 'boolean', false],
    ['{"v":"true"}', 'boolean', true],
    ['{"v":5}', 'text', 'wrong-kind'],
    ['{"v":{}}', 'text', 'wrong-kind'],
    ['{"v":"W7 door open"}', 'log', 'W7 door open'],
    ['{"v":{"b":1,"a":[true]}}', 'json', { json: '{"a":[true],"b":1}' }],
    ['{"v":{"a":9007199254740993}}', 'json', 'not-exact'],
    ['{"v":[1]}', 'json', 'wrong-kind'],
    ['{"v":[1,-0.5]}', 'array', [1, -0.5]],
    ['{"v":[1,null]}', 'array', 'not-a-number'],
    ['{"v":null}', 'array', 'no reading'],
    ['{"v":null}', 'number', 'no reading'],
    ['{}', 'number', 'no reading'],
    ['{"meta":{"v":1},"v":9007199254740993}', 'number', 'not-exact'],
    ['{"v":5,"v":9007199254740993}', 'number', 'not-exact'],
    ['{"v":9007199254740993,"v":5}', 'number', 5],
    ['{"a":"\\"v\\":7,","v":9007199254740993}', 'number', 'not-exact'],
    ['{"\\u0076":9007199254740993,"w":{"v":7}}', 'number', 'not-exact'],
    ['{"meta":{"v":1},"v":1e300,"list":[{"v":2}]}', 'number', 1e300],
    ['{"a":"v","v":18446744073709551616.0}', 'number', 2 ** 64],
  ])('%s of kind %s becomes %j at the border', (line, kind, expected) => {
    expect(read(line, kind)).toStrictEqual(expected);
  });

  test('is never stored with other digits than it was written with, whatever stands around it', () => {
    const around = fc.dictionary(fc.constantFrom('v', 'a"v":1', 'w'), fc.jsonValue());
    fc.assert(
      fc.property(around, around, fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (before, after, digits) => {
        const { v: _, ...rest } = after;
        const members = (object: object): string => JSON.stringify(object).slice(1, -1);
        const parts = [members({ meta: before, ...before }), `"v":${digits}`, members(rest)].filter((part) => part);
        const exact = Number.isSafeInteger(Number(digits));
        expect(read(`{${parts.join(',')}}`, 'number')).toBe(exact ? Number(digits) : 'not-exact');
      }),
    );
  });
});
