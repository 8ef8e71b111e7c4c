import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exactJson, type Json } from '../../core/exact-json.ts';

const anyJson = fc.jsonValue().map((value) => value as Json);

test('what it writes is read back, the sign of zero included', () => {
  fc.assert(
    fc.property(anyJson, fc.nat(4), (value, indent) => {
      expect(JSON.parse(exactJson(value, indent))).toEqual(value);
    }),
    { examples: [[[0, -0, { a: -0, b: [[-0], 1e-7] }], 2]] },
  );
});

test('without a −0 it is what JSON.stringify writes', () => {
  const plain = anyJson.map((value) => JSON.parse(JSON.stringify(value)) as Json);
  fc.assert(
    fc.property(plain, fc.nat(4), (value, indent) => {
      expect(exactJson(value, indent)).toBe(JSON.stringify(value, null, indent));
    }),
    { examples: [[{ a: [], b: {}, c: [{}] }, 2]] },
  );
  expect(exactJson({ a: undefined, b: 1 })).toBe('{"b":1}');
});
