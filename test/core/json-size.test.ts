import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonBytesOf } from '../../core/json-size.ts';
import { isJson } from '../../core/value.ts';
import { recordAt, records } from '../helpers/envelopes.ts';

test('counts what JSON.stringify writes', () => {
  const any = fc.nat(8).chain((count) => records(count));
  fc.assert(
    fc.property(any, (all) => {
      const natural = all.map(({ device, stream, ts, value: own, quality }) => {
        const value: unknown = isJson(own) ? JSON.parse(own.json) : own;
        return quality === 'good' ? { device, stream, ts, value } : { device, stream, ts, value, quality };
      });
      expect(jsonBytesOf(all)).toBe(Buffer.byteLength(JSON.stringify(natural)));
    }),
  );
});

test('a plain reading', () => {
  const text = '[{"device":"press-001","stream":"temperature","ts":1735689600000,"value":21.5}]';
  expect(jsonBytesOf([recordAt(0, { device: 'press-001', value: 21.5 })])).toBe(text.length);
});
