import { ledgerMetrics, type MetricFamily } from '../core/ledger-metrics.ts';
import type { EdgeNodeStatus } from './node.ts';

/** What one node tells of itself: the fates of everything, its link, its disk. */
export function nodeMetrics({ ledger, forward, journal, failedSources }: EdgeNodeStatus): MetricFamily[] {
  const { node } = ledger;
  const one = (name: string, type: MetricFamily['type'], help: string, value: number): MetricFamily => ({
    name,
    help,
    type,
    samples: [{ labels: { node }, value }],
  });
  const refusals = Object.entries(forward.refusals).map(([reason, value]) => ({ labels: { node, reason }, value }));
  return [
    ...ledgerMetrics([ledger]),
    one('node_uplink_connected', 'gauge', '1 while the uplink is connected.', Number(forward.connected)),
    one('node_far_side_up', 'gauge', '1 while the far side answers.', Number(forward.far === 'up')),
    one('node_envelopes_sent_total', 'counter', 'Envelopes sent since the start.', forward.envelopesSent),
    one('node_sent_bytes_total', 'counter', 'Bytes of the envelopes sent since the start.', forward.bytesSent),
    {
      name: 'node_refusals_total',
      help: 'Refusals by the far side since the start.',
      type: 'counter',
      samples: refusals,
    },
    one('node_journal_bytes', 'gauge', 'Bytes that the journal takes on the disk.', journal.bytes),
    one('node_journal_trouble', 'gauge', '1 while the disk refuses.', Number(journal.trouble !== undefined)),
    one('node_failed_sources', 'gauge', 'Sources that ended by an error.', failedSources.length),
  ];
}
