import { GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { eventually } from '../../helpers/processes.ts';
import type { Clients } from './clients.ts';

export interface AthenaPlace {
  database: string;
  workGroup: string;
}

/**
 * The rows of a SELECT, each by column name, as text as Athena gives them (NULL is undefined).
 * @param parameters SQL literals for each `?`
 * @throws with Athena's reason if the query fails
 */
export async function runQuery(
  { athena }: Clients,
  { database, workGroup }: AthenaPlace,
  sql: string,
  parameters?: readonly string[],
): Promise<Record<string, string | undefined>[]> {
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({
      QueryString: sql,
      QueryExecutionContext: { Database: database },
      WorkGroup: workGroup,
      ...(parameters && { ExecutionParameters: [...parameters] }),
    }),
  );
  const status = await eventually(`the result of ${sql}`, async () => {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason } = QueryExecution?.Status ?? {};
    return State !== 'QUEUED' && State !== 'RUNNING' && { state: State, reason: StateChangeReason };
  });
  if (status.state !== 'SUCCEEDED') throw new Error(`query ${status.state}: ${status.reason}: ${sql}`);

  const rows: (string | undefined)[][] = [];
  let next: string | undefined;
  do {
    const page = await athena.send(new GetQueryResultsCommand({ QueryExecutionId, ...(next && { NextToken: next }) }));
    rows.push(...(page.ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue }) => VarCharValue)));
    next = page.NextToken;
  } while (next !== undefined);
  const [columns = [], ...values] = rows; // the first row holds the names
  return values.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
}
