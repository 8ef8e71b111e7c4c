import type { LaneCounts, NodeLedger } from './ledger.ts';

/** One metric, whatever its notation. Names are without the product's prefix, values are whole numbers. */
export interface MetricFamily {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  samples: { labels: Record<string, string>; value: number }[];
}

const FATES = ['delivered', 'expired', 'evicted', 'damaged'] as const;

/**
 * Everything that the ledgers of nodes count, as metrics. Counters, but for what can become fewer: waiting, in doubt,
 * local. A fate is no counter either: a late acknowledgement turns one given up into one delivered.
 */
export function ledgerMetrics(ledgers: readonly NodeLedger[]): MetricFamily[] {
  const perLane = (pick: (lane: LaneCounts) => number): MetricFamily['samples'] =>
    ledgers.flatMap(({ node, lanes }) =>
      lanes.map((lane) => ({ labels: { node, priority: lane.priority }, value: pick(lane) })),
    );
  return [
    {
      name: 'readings_collected_total',
      help: 'Readings that came in, in the life of the node.',
      type: 'counter',
      samples: ledgers.flatMap(({ node, sources }) =>
        Object.entries(sources).map(([source, { collected }]) => ({ labels: { node, source }, value: collected })),
      ),
    },
    {
      name: 'readings_refused_total',
      help: 'Readings refused at the border, by reason.',
      type: 'counter',
      samples: ledgers.flatMap(({ node, sources }) =>
        Object.entries(sources).flatMap(([source, { refused }]) =>
          Object.entries(refused).map(([reason, value]) => ({ labels: { node, source, reason }, value })),
        ),
      ),
    },
    {
      name: 'readings_refused_of_class_total',
      help: 'Of the refused readings, those of declared streams, by their class.',
      type: 'counter',
      samples: ledgers.flatMap(({ node, sources }) =>
        Object.entries(sources).flatMap(([source, { refusedByClass = {} }]) =>
          Object.entries(refusedByClass).flatMap(([priority, refused]) =>
            Object.entries(refused).map(([reason, value]) => ({ labels: { node, source, priority, reason }, value })),
          ),
        ),
      ),
    },
    {
      name: 'readings',
      help: 'Readings that the border let in, by what the filter did with them.',
      type: 'gauge',
      samples: ledgers.flatMap(({ node, streams }) =>
        streams.flatMap((counts) =>
          (['filtered', 'absorbed', 'held', 'kept', 'local'] as const).map((fate) => ({
            labels: { node, stream: counts.stream, priority: counts.priority, fate },
            value: counts[fate],
          })),
        ),
      ),
    },
    {
      name: 'readings_local_on_disk',
      help: 'Of the local readings: still on the disk of the node. The others aged out.',
      type: 'gauge',
      samples: ledgers.map(({ node, localHeld }) => ({ labels: { node }, value: localHeld })),
    },
    {
      name: 'records_enqueued_total',
      help: 'Records that were to travel, in the life of the node.',
      type: 'counter',
      samples: perLane((lane) => lane.enqueued),
    },
    {
      name: 'records_final',
      help: 'Records by their fate.',
      type: 'gauge',
      samples: ledgers.flatMap(({ node, lanes }) =>
        lanes.flatMap((lane) =>
          FATES.map((fate) => ({ labels: { node, priority: lane.priority, fate }, value: lane[fate] })),
        ),
      ),
    },
    {
      name: 'records_dead_lettered',
      help: 'Dead letters, by what used up their last retry.',
      type: 'gauge',
      samples: ledgers.flatMap(({ node, lanes }) =>
        lanes.flatMap(({ priority, deadLettered }) =>
          Object.entries(deadLettered).map(([reason, value]) => ({ labels: { node, priority, reason }, value })),
        ),
      ),
    },
    {
      name: 'records_discarded',
      help: 'Of the dead letters: without their records by now, so not to be replayed.',
      type: 'gauge',
      samples: perLane((lane) => lane.discarded),
    },
    {
      name: 'records_delivered_elsewhere',
      help: 'Of the delivered records: stored by other far sides than the present one.',
      type: 'gauge',
      samples: perLane((lane) => lane.elsewhere),
    },
    {
      name: 'records_waiting',
      help: 'Records that are to travel still.',
      type: 'gauge',
      samples: perLane((lane) => lane.waiting),
    },
    {
      name: 'records_in_doubt',
      help: 'Records that were sent and not answered: the far side may have them.',
      type: 'gauge',
      samples: perLane((lane) => lane.inDoubt),
    },
  ];
}
