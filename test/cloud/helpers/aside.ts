import { COLD_PREFIXES, dayOf } from '../../../core/cold-layout.ts';
import { runQuery } from './athena.ts';
import type { FleetCloud } from './fleet-cloud.ts';
import { listKeys } from './objects.ts';

const DAY_MS = 86_400_000;

/** What a query finds in the table `aside` of a client, by reason. Yesterday counts: midnight may have passed. */
export async function asideOf({ clients, athena, bucket }: FleetCloud, client: string) {
  // The emulator knows a table's columns from its objects only.
  if ((await listKeys(clients, bucket, COLD_PREFIXES.aside)).length === 0) return [];
  const days = [`'${dayOf(Date.now() - DAY_MS)}'`, `'${dayOf(Date.now())}'`];
  const sql = `SELECT client, reason, detail, bytes, payload FROM aside
    WHERE dt BETWEEN ? AND ? AND client = '${client}' ORDER BY reason, detail`;
  return runQuery(clients, athena, sql, days);
}
