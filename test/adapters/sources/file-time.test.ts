import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fileTime } from '../../../adapters/sources/file-time.ts';

test.each([
  ['2015-02-02 14:19:00', Date.UTC(2015, 1, 2, 14, 19)],
  ['2015-02-02T14:19:00Z', Date.UTC(2015, 1, 2, 14, 19)],
  ['2015-02-02T14:19', Date.UTC(2015, 1, 2, 14, 19)],
  ['2015-02-02', Date.UTC(2015, 1, 2)],
  ['2015-02-02T14:19:00.1234567+01:30', Date.UTC(2015, 1, 2, 12, 49, 0, 123)],
  ['2015-02-02 14:19:00,5-0100', Date.UTC(2015, 1, 2, 15, 19, 0, 500)],
  ['2016-02-29 00:00:00 +02', Date.UTC(2016, 1, 28, 22)],
])('%s is read as ISO', (text, ms) => {
  expect(fileTime(text, 'iso')).toBe(ms);
});

test.each(['2015-02-30 00:00:00', '2015-13-01', '2015-02-02 24:00:00', '02/02/2015', '', '1422886740', '2015-2-2'])(
  '%j is no ISO time and is handed on as it is',
  (text) => {
    expect(fileTime(text, 'iso')).toBe(text);
  },
);

test('epochs are numbers or their text', () => {
  expect(fileTime('1422886740123', 'epoch-ms')).toBe(1422886740123);
  expect(fileTime(1422886740.123, 'epoch-s')).toBe(1422886740123);
  expect(fileTime('', 'epoch-s')).toBe('');
  expect(fileTime('soon', 'epoch-s')).toBe('soon');
});

test('gives back what Date writes', () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }), (date) => {
      expect(fileTime(date.toISOString(), 'iso')).toBe(date.getTime());
    }),
  );
});
