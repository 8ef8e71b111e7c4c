import { readdirSync, readFileSync } from 'node:fs';

export interface ShippedQuery {
  /** The file's name without `.sql`. */
  name: string;
  /** Its first line. */
  description: string;
  sql: string;
}

const folder = new URL('../queries/', import.meta.url);

/** The queries that come with a fleet, from lib/queries/*.sql; each says in its first line what it answers. */
export const SHIPPED_QUERIES: readonly ShippedQuery[] = readdirSync(folder)
  .filter((file) => file.endsWith('.sql'))
  .sort()
  .map((file) => {
    const sql = readFileSync(new URL(file, folder), 'utf8');
    const description = /^-- (.+)$/m.exec(sql)?.[1];
    if (description === undefined) throw new Error(`${file}: expected a first line "-- what it answers"`);
    return { name: file.replace(/\.sql$/, ''), description, sql };
  });
