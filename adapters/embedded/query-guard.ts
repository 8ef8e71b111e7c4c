import type { DuckDBConnection } from '@duckdb/node-api';

/** Why a query was not answered. */
export const QUERY_REFUSALS = [
  'not-a-select',
  'several-statements',
  'refused',
  'invalid',
  'too-slow',
  'too-much-memory',
  'busy',
] as const;
export type QueryRefusal = (typeof QUERY_REFUSALS)[number];
export type RefusedQuery = { ok: false; reason: QueryRefusal; detail: string };

export const refuseQuery = (reason: QueryRefusal, detail: string): RefusedQuery => ({ ok: false, reason, detail });

/**
 * Table functions that a query may use. A list of the allowed ones, because DuckDB has table functions that write
 * files or change settings although they stand in a SELECT: enable_logging(storage_path => …), force_checkpoint().
 */
const TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest']);

/**
 * Scalar functions that it may not: those that tell about the machine; those that take SQL as text, parts of which
 * json_serialize_plan even runs, unseen by this guard; and those that make one value of any size by themselves. Other
 * functions can be made to: that is what the process of its own is for, this only spares it the plainest cases.
 */
const SCALAR_FUNCTIONS_DENIED = new Set([
  'json_serialize_plan',
  'json_serialize_sql',
  'json_deserialize_sql',
  'json_execute_serialized_sql',
  'current_query',
  'current_setting',
  'getenv',
  'getvariable',
  'write_log',
  'repeat',
  'lpad',
  'rpad',
  'bar',
  'format',
  'printf',
  'range',
  'generate_series',
  'list_resize',
  'array_resize',
]);

/** DuckDB's own tables and views, which name paths and settings. */
const INTERNAL_TABLE = /^(duckdb|pragma|sqlite|pg)_/i;

/** Checks that the text is one SELECT that touches nothing but the views; undefined = it may run. */
export async function guardQuery(connection: DuckDBConnection, sql: string): Promise<RefusedQuery | undefined> {
  // The parser's own tree, so that comments, quotes and upper case hide nothing.
  const result = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  const tree = JSON.parse(String(result.getRowsJS()[0]![0])) as SerializedSql;
  if (tree.error) {
    return tree.error_type === 'parser' || tree.error_type === 'syntax'
      ? refuseQuery('invalid', tree.error_message)
      : refuseQuery('not-a-select', 'one SELECT statement is allowed, nothing else');
  }
  if (tree.statements.length !== 1) {
    const count = tree.statements.length;
    return count === 0
      ? refuseQuery('invalid', 'the query is empty')
      : refuseQuery('several-statements', `${count} statements, allowed 1`);
  }
  const [reason] = objections(tree.statements[0]);
  return reason === undefined ? undefined : refuseQuery('refused', reason);
}

type SerializedSql =
  | { error: true; error_type: string; error_message: string }
  | { error: false; statements: readonly unknown[] };

function* objections(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) {
    const { type, function: call, ...rest } = node as Record<string, unknown>;
    if (type === 'TABLE_FUNCTION') {
      yield* tableFunctionObjections(call as Record<string, unknown>);
      yield* objections((call as Record<string, unknown>).children);
      yield* objections(rest);
      return;
    }
    yield* nodeObjections(node as Record<string, unknown>);
  }
  for (const child of Object.values(node)) yield* objections(child);
}

function* tableFunctionObjections(call: Record<string, unknown>): Generator<string> {
  const name = String(call.function_name).toLowerCase();
  if (!TABLE_FUNCTIONS.has(name)) {
    yield `table function ${name}, allowed ${[...TABLE_FUNCTIONS].join(', ')} and the views records and streams`;
  }
}

function* nodeObjections(node: Record<string, unknown>): Generator<string> {
  if (node.class === 'FUNCTION') {
    const name = String(node.function_name).toLowerCase();
    if (SCALAR_FUNCTIONS_DENIED.has(name)) yield `function ${name} is not allowed in queries`;
  }
  if (node.type === 'BASE_TABLE') {
    const table = String(node.table_name);
    const schema = [node.catalog_name, node.schema_name].filter(Boolean).join('.');
    // A name such as 'x.parquet' would be read as a file.
    if (schema !== '' || /[./\\*]/.test(table) || INTERNAL_TABLE.test(table)) {
      yield `table ${schema && `${schema}.`}${table}, allowed the views records and streams`;
    }
  }
}
