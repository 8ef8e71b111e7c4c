import { expect, test } from '@jest/globals';
import { blockOf } from '../../docs/make/marked-block.ts';
import { roleTable } from '../../docs/make/role-table.ts';
import { ROLE_TABLE } from '../../lib/role-table.ts';
import { readText } from './pages.ts';

test("docs/security.md's table is lib/role-table.ts (else: npx tsx docs/make-role-table.ts)", () => {
  expect(blockOf(readText('docs/security.md'), 'roles')).toBe(`\n${roleTable(ROLE_TABLE)}\n`);
});

test('roleTable writes one row for each row, several names on lines of their own', () => {
  const rows = [
    { who: ['A', 'B'], actions: ['x:Y'], on: ['Q'], why: 'Because.' },
    { who: ['A'], actions: ['x:Y', 'x:Z'], on: ['Q/*'], only: 'k v', why: 'Therefore.' },
  ];
  expect(roleTable(rows).split('\n')).toEqual([
    '| Who | may | on | only if | because |',
    '|---|---|---|---|---|',
    '| `A`<br>`B` | `x:Y` | `Q` |  | Because. |',
    '| `A` | `x:Y`<br>`x:Z` | `Q/*` | `k v` | Therefore. |',
    '',
  ]);
});
