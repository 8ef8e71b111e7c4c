import { describe, expect, test } from '@jest/globals';
import { COLD_TABLES } from '../../core/cold-tables.ts';
import { SHIPPED_QUERIES } from '../../lib/storage/shipped-queries.ts';
import { dayProblems, within } from '../helpers/day-lint.ts';
import { openTrinoParser } from '../helpers/trino-tree.ts';

const parse = await openTrinoParser();
const TABLES = COLD_TABLES.map(({ name }) => name);
const problemsOf = (sql: string): string[] => {
  const { errors, tree } = parse(sql);
  return [...errors, ...dayProblems(tree, TABLES)];
};

describe('shipped queries', () => {
  test.each(SHIPPED_QUERIES.map((query) => [query.name, query] as const))('%s', (_name, { sql, description }) => {
    expect(problemsOf(sql)).toEqual([]);
    expect(description).toMatch(/ Parameters?: /);
    const named = [...sql.matchAll(/\bAS (\w+)/g)].map(([, alias]) => alias!);
    const columns = COLD_TABLES.filter(({ name }) => sql.includes(`FROM ${name}`)).flatMap((table) => table.columns);
    const known = ['dt', ...named, ...columns.map(([column]) => column)];
    const used = within(parse(sql).tree, 'ColumnReference', 'ColumnRef').map(({ text }) => text.replaceAll('"', ''));
    expect(used.filter((column) => !known.includes(column))).toEqual([]);
  });

  test('each table has one', () => {
    expect(TABLES.filter((table) => !SHIPPED_QUERIES.some(({ sql }) => sql.includes(`FROM ${table}`)))).toEqual([]);
    expect(SHIPPED_QUERIES.map(({ name }) => name)).toEqual([
      'last-value',
      'ledger-count',
      'minute-summary',
      'put-aside',
      'rows-of-a-day',
    ]);
  });
});
describe('the lint of dt', () => {
  const MISSING = /^SELECT over (landing|partials|aside) without a bound of dt/;

  test.each([
    "SELECT * FROM landing WHERE dt = '2026-11-23'",
    "SELECT * FROM landing WHERE stream = 'x' AND dt IN ('2026-11-22', '2026-11-23')",
    'SELECT * FROM landing l WHERE l.dt BETWEEN ? AND ? AND (value > 1 OR quality IS NULL)',
    'SELECT * FROM landing WHERE dt >= CAST(current_date AS varchar)',
    'SELECT * FROM headwater_x.landing AS l JOIN partials p ON l.ts = p.minute WHERE l.dt = ? AND p.dt = ?',
    'WITH day AS (SELECT * FROM landing WHERE dt = ?) SELECT count(*) FROM day',
    'SELECT 1 FROM elsewhere',
  ])('passes %s', (sql) => {
    expect(problemsOf(sql)).toEqual([]);
  });

  test.each([
    'SELECT * FROM landing',
    "SELECT * FROM landing WHERE stream = 'x'",
    "SELECT * FROM landing WHERE dt = ? OR stream = 'x'",
    "SELECT * FROM landing WHERE dt <> '2026-11-23'",
    'SELECT * FROM landing WHERE dt NOT BETWEEN ? AND ?',
    "SELECT * FROM landing WHERE dt LIKE '2026%'",
    "SELECT * FROM landing WHERE dt <= '2026-11-23'",
    'SELECT * FROM landing WHERE dt = dt',
    'SELECT * FROM landing WHERE dt = (SELECT max(day) FROM elsewhere)',
    'SELECT * FROM landing HAVING max(dt) = ?',
    'SELECT * FROM "LANDING" AS dt_landing',
    'SELECT * FROM landing l JOIN partials p ON l.ts = p.minute WHERE l.dt = ?',
    'SELECT * FROM (SELECT * FROM aside) WHERE dt = ?',
    'SELECT * FROM landing WHERE dt = ? UNION ALL SELECT * FROM landing',
    'SELECT (SELECT count(*) FROM partials) FROM landing WHERE dt = ?',
  ])('refuses %s', (sql) => {
    expect(problemsOf(sql)).toEqual([expect.stringMatching(MISSING)]);
  });

  test('what is no Trino SQL is refused as such', () => {
    expect(parse('SELEC dt FROM landing').errors).toHaveLength(1);
  });
});
