import type { QueryResult } from '../adapters/embedded/query-engine.ts';
import { REFUSALS, type Refusal } from '../core/messages.ts';
import type { IngestEvent } from '../lambdas/ingest/env.ts';
import type { QueryStatus } from './status.ts';

/** Counts since the hub's start of what ingest and the query engine did; the durable counts are in the store. */
export interface IngestTally {
  observe: (event: IngestEvent) => void;
  /** Counts the result and hands it on. */
  answered: (result: QueryResult) => QueryResult;
  refusedOf: (node: string) => Partial<Record<Refusal, number>>;
  envelopesOf: (node: string) => number;
  queries: () => Omit<QueryStatus, 'pending'>;
}

export function createIngestTally(): IngestTally {
  const refused = new Map<string, Partial<Record<Refusal, number>>>();
  const envelopes = new Map<string, number>();
  const queries = { answered: 0, refused: {} as Record<string, number> };
  return {
    observe({ client, outcome }) {
      if (outcome === 'stored') envelopes.set(client, (envelopes.get(client) ?? 0) + 1);
      if (!isRefusal(outcome)) return;
      const counts = refused.get(client) ?? {};
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      refused.set(client, counts);
    },
    answered(result) {
      if (result.ok) queries.answered++;
      else queries.refused[result.reason] = (queries.refused[result.reason] ?? 0) + 1;
      return result;
    },
    refusedOf: (node) => ({ ...refused.get(node) }),
    envelopesOf: (node) => envelopes.get(node) ?? 0,
    queries: () => ({ answered: queries.answered, refused: { ...queries.refused } }),
  };
}

const isRefusal = (outcome: IngestEvent['outcome']): outcome is Refusal => REFUSALS.includes(outcome as Refusal);
