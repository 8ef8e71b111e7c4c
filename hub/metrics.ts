import { Counter, Gauge, Registry } from 'prom-client';
import { registerFamilies } from '../adapters/metrics/prometheus-text.ts';
import type { NodeLedger } from '../core/ledger.ts';
import { ledgerMetrics } from '../core/ledger-metrics.ts';
import { PRIORITIES } from '../core/priority.ts';
import type { HubStatus } from './status.ts';

/**
 * The status in Prometheus' text format, and the whole ledgers of the nodes that run in this process. A registry of its own each time: the status holds the totals, so that there
 * is no second set of counters that could differ.
 */
export async function metricsText(
  status: HubStatus,
  ledgers: readonly NodeLedger[] = [],
): Promise<{ contentType: string; body: string }> {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `headwater_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `headwater_${name}`, help, labelNames, registers });

  gauge('start_time_seconds', 'Start of the hub, seconds since 1970.').set(status.startedAtMs / 1_000);
  const connected = gauge('node_connected', '1 while the node is connected.', ['node']);
  const lastSeen = gauge('node_last_seen_seconds', 'When the node was last heard of, seconds since 1970.', ['node']);
  const stored = gauge('stored_records', 'Records in the store.', ['node', 'priority']);
  const givenUp = gauge('given_up_records', 'Records that the node told to have given up.', ['node', 'priority']);
  const lost = gauge('lost_records', 'Records without a fate: their node counted them, and lost its journal.', [
    'node',
    'priority',
  ]);
  const envelopes = counter('envelopes_stored_total', 'Envelopes stored since the start.', ['node']);
  const bytesIn = counter('received_bytes_total', 'Payload bytes received since the start.', ['node']);
  const refused = counter('envelopes_refused_total', 'Envelopes refused since the start.', ['node', 'reason']);
  const heldBack = counter(
    'node_held_back_seconds_total',
    'Time in which nothing was read from the node, because it had sent more than its rate.',
    ['node'],
  );
  for (const { name: node, ...seen } of status.nodes) {
    connected.set({ node }, seen.connected ? 1 : 0);
    if (seen.lastSeenMs !== undefined) lastSeen.set({ node }, seen.lastSeenMs / 1_000);
    for (const priority of PRIORITIES) {
      stored.set({ node, priority }, seen.stored[priority]);
      givenUp.set({ node, priority }, seen.givenUp[priority]);
      lost.set({ node, priority }, seen.lost[priority]);
    }
    envelopes.inc({ node }, seen.envelopes);
    bytesIn.inc({ node }, seen.bytesIn);
    heldBack.inc({ node }, seen.heldBackMs / 1_000);
    for (const [reason, count] of Object.entries(seen.refused)) refused.inc({ node, reason }, count);
  }

  gauge('store_staged_rows', 'Rows that wait for the next seal.').set(status.store.staged);
  gauge('store_rows', 'Rows in the store, staged and sealed.').set(status.store.rows);
  gauge('store_files', 'Sealed files.').set(status.store.files);
  gauge('store_file_bytes', 'Bytes of the sealed files.').set(status.store.bytes);
  gauge('poison_messages', 'Messages put aside for the operator.').set(status.store.poison);
  gauge('poison_dropped_messages', 'Messages put aside once that the bounds pushed out.').set(
    status.store.poisonDropped,
  );

  const connections = counter('connections_refused_total', 'Connections refused since the start.', ['reason']);
  for (const [reason, count] of Object.entries(status.refusedConnections)) connections.inc({ reason }, count);
  counter('queries_answered_total', 'Queries answered since the start.').inc(status.queries.answered);
  const queries = counter('queries_refused_total', 'Queries not answered since the start.', ['reason']);
  for (const [reason, count] of Object.entries(status.queries.refused)) queries.inc({ reason }, count);
  gauge('queries_pending', 'Queries running or waiting now.').set(status.queries.pending);

  if (ledgers.length > 0) registerFamilies(registry, ledgerMetrics(ledgers));
  return { contentType: registry.contentType, body: await registry.metrics() };
}
