import type { SqlTree } from './trino-tree.ts';

/**
 * What is wrong with a query over tables that are partitioned by day: without a bound of `dt` it lists every day since
 * 2000 and costs accordingly. A bound is a condition of the WHERE itself, joined by AND, that compares `dt` with what
 * does not depend on a row: `=`, `IN`, `BETWEEN`, `>=` or `>`.
 */
export function dayProblems(tree: SqlTree, partitioned: readonly string[]): string[] {
  return within(tree, 'QuerySpecification').flatMap((query) => {
    const tables = tablesOf(query).filter(({ table }) => partitioned.includes(table));
    const where = query.children.find(({ rule }) => rule === 'WhereClause');
    const conditions = where === undefined ? [] : where.children.flatMap(conjuncts);
    return tables
      .filter(({ name }) => !conditions.some((condition) => bounds(condition, name, tables.length === 1)))
      .map(
        ({ table }) => `SELECT over ${table} without a bound of dt: add "dt = ?" or "dt BETWEEN ? AND ?" to its WHERE`,
      );
  });
}

interface NamedTable {
  table: string;
  /** As its columns are qualified: the alias, else the table. */
  name: string;
}

/** Tables of a query's own FROM, not of the queries inside it. */
function tablesOf(query: SqlTree): NamedTable[] {
  const relations = query.children.filter(({ rule }) => !['SelectList', 'WhereClause', 'HavingClause'].includes(rule));
  return relations
    .flatMap((relation) => own(relation, 'AliasedRelation'))
    .flatMap((relation) => {
      const named = relation.children.find(({ rule }) => rule === 'TableName');
      if (named === undefined) return [];
      const table = named.text.replaceAll('"', '').toLowerCase().split('.').at(-1)!;
      const alias = relation.children.find(({ rule }) => rule.endsWith('Identifier'))?.text.toLowerCase();
      return [{ table, name: alias ?? table }];
    });
}

function conjuncts(condition: SqlTree): SqlTree[] {
  return condition.rule === 'And' ? condition.children.flatMap(conjuncts) : [condition];
}

function bounds(condition: SqlTree, name: string, unqualified: boolean): boolean {
  if (condition.rule !== 'Predicated') return false;
  const [value, predicate] = condition.children;
  if (value === undefined || predicate === undefined) return false;
  const column = value.text.replaceAll('"', '').toLowerCase();
  if (column !== `${name}.dt` && !(unqualified && column === 'dt')) return false;
  if (within(predicate, 'ColumnReference', 'QuerySpecification').length > 0) return false;
  const words = predicate.children.map(({ text }) => text.toUpperCase());
  if (words[0] === 'NOT') return false;
  return ['Between', 'InList'].includes(predicate.rule) || ['=', '>=', '>'].includes(words[0]!);
}

/** Nodes of these rules, at any depth. */
export const within = (tree: SqlTree, ...rules: string[]): SqlTree[] => [
  ...(rules.includes(tree.rule) ? [tree] : []),
  ...tree.children.flatMap((child) => within(child, ...rules)),
];

/** Nodes of this rule that do not lie in a query inside. */
const own = (tree: SqlTree, rule: string): SqlTree[] => [
  ...(tree.rule === rule ? [tree] : []),
  ...(tree.rule === 'QuerySpecification' ? [] : tree.children.flatMap((child) => own(child, rule))),
];
