import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dayOf } from '../../core/cold-layout.ts';
import { readProjection } from '../../core/partition-projection.ts';

const NOW = Date.parse('2026-11-23T23:59:59.999Z');
const DAY = 86_400_000;
const parameters = {
  'projection.enabled': 'true',
  'projection.dt.type': 'date',
  'projection.dt.format': 'yyyy-MM-dd',
  'projection.dt.range': '2000-01-01,NOW+2DAYS',
  'storage.location.template': `s3://cold/landing/dt=\${dt}/`,
};

describe('readProjection', () => {
  test('lists each day from the first to the last, both included', () => {
    const { prefixes, first, last, column } = readProjection(
      { ...parameters, 'projection.dt.range': '2026-11-20,NOW+2DAYS' },
      NOW,
    );
    expect([column, first, last]).toEqual(['dt', '2026-11-20', '2026-11-25']);
    expect(prefixes()).toEqual([20, 21, 22, 23, 24, 25].map((day) => `s3://cold/landing/dt=2026-11-${day}/`));
  });

  test('the shipped range has a day for every leap year since 2000', () => {
    const { prefixes } = readProjection(parameters, NOW);
    expect(prefixes()).toHaveLength((Date.parse('2026-11-25') - Date.parse('2000-01-01')) / DAY + 1);
    expect(prefixes()).toContain('s3://cold/landing/dt=2024-02-29/');
  });

  test.each([
    ['NOW-3DAYS,NOW', '2026-11-20', '2026-11-23'],
    ['NOW - 1 DAY , NOW + 1 DAY', '2026-11-22', '2026-11-24'],
    ['1999-12-31,2000-01-01', '1999-12-31', '2000-01-01'],
  ])('range %s', (range, first, last) => {
    expect(readProjection({ ...parameters, 'projection.dt.range': range }, NOW)).toMatchObject({ first, last });
  });

  test.each([
    ['s3://cold/landing/dt=2026-11-23/b.parquet', true],
    ['s3://cold/landing/dt=2026-11-25/b.parquet', true],
    ['s3://cold/landing/dt=2026-11-26/b.parquet', false],
    ['s3://cold/landing/dt=1999-12-31/b.parquet', false],
    ['s3://cold/landing/dt=2026-02-30/b.parquet', false],
    ['s3://cold/landing/dt=2026-11-231/b.parquet', false],
    ['s3://cold/landing/2026-11-23/b.parquet', false],
    ['s3://cold/staging/dt=2026-11-23/b.parquet', false],
    ['s3://other/landing/dt=2026-11-23/b.parquet', false],
  ])('%s can be found: %s', (uri, found) => {
    expect(readProjection(parameters, NOW).finds(uri)).toBe(found);
  });

  test('finds an object exactly if it lies below one of the prefixes', () => {
    const times = fc.integer({ min: Date.parse('1999-06-01'), max: NOW + 10 * DAY });
    const { finds, prefixes } = readProjection(parameters, NOW);
    const listed = prefixes();
    fc.assert(
      fc.property(times, (ms) => {
        const uri = `s3://cold/landing/dt=${dayOf(ms)}/x`;
        expect(finds(uri)).toBe(listed.some((prefix) => uri.startsWith(prefix)));
      }),
    );
  });

  test.each([
    [{ 'projection.enabled': 'false' }, 'table parameter projection.enabled: false, allowed true'],
    [{ 'projection.dt.type': 'injected' }, 'table parameter projection.dt.type: injected, allowed date'],
    [{ 'projection.site.type': 'enum' }, 'table parameter projection.*.type: dt, site, allowed exactly one'],
    [{ 'projection.dt.format': 'dd-MM-yyyy' }, 'table parameter projection.dt.format: dd-MM-yyyy'],
    [{ 'projection.dt.interval': '2' }, 'table parameter projection.dt.interval: 2, allowed 1'],
    [{ 'projection.dt.interval.unit': 'HOURS' }, 'table parameter projection.dt.interval.unit: HOURS'],
    [{ 'projection.dt.range': 'NOW-3YEARS,NOW' }, 'table parameter projection.dt.range: NOW-3YEARS,NOW'],
    [{ 'projection.dt.range': 'NOW,2000-01-01' }, 'the first one not after the second'],
    [{ 'projection.dt.range': '2000-01-01' }, 'two days'],
    [{ 'storage.location.template': `s3://cold/landing/dt=\${day}/` }, `one \${dt} and no other column`],
    [{ 'storage.location.template': `s3://cold/landing/dt=\${dt}` }, 'allowed s3://bucket/…/'],
    [{ 'projection.dt.digits': '2' }, 'table parameter projection.dt.digits: 2, allowed a known parameter'],
  ])('refuses %j', (changed, message) => {
    expect(() => readProjection({ ...parameters, ...changed }, NOW)).toThrow(message);
  });
});
