import { describe, expect, test } from '@jest/globals';
import { durationOption, portOption, positiveIntOption, speedOption } from '../../bin/options.ts';

describe.each<[string, (text: string) => number, [string, number][], string[]]>([
  [
    'a duration',
    durationOption,
    [
      ['30s', 30_000],
      ['1.5h', 5_400_000],
      ['250ms', 250],
    ],
    ['30', '0s', '-1s', 's', ''],
  ],
  [
    'a speed',
    speedOption,
    [
      ['60x', 60],
      ['1', 1],
      ['1.5x', 1.5],
    ],
    ['0x', '0.5x', 'x', '60xx', '1e3', '100001x', ''],
  ],
  [
    'a count',
    positiveIntOption,
    [
      ['1', 1],
      ['500', 500],
    ],
    ['0', '-1', '1.5', '1e3', '', '9'.repeat(20)],
  ],
  [
    'a port',
    portOption,
    [
      ['0', 0],
      ['65535', 65_535],
    ],
    ['65536', '-1', 'http', ''],
  ],
])('%s', (_name, parse, good, bad) => {
  test.each(good)('%s is %d', (text, value) => expect(parse(text)).toBe(value));
  test.each(bad.map((text) => [text]))('%j is refused, saying what is allowed', (text) => {
    expect(() => parse(text)).toThrow(/^Expected a .*\.$/);
  });
});
