import type { LaneCounts, NodeLedger, SourceCounts } from './ledger.ts';

/** One metric, whatever its notation. Names are without the product's prefix, values are whole numbers. */
export interface MetricFamily {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  samples: { labels: Record<string, string>; value: number }[];
}

type Samples = MetricFamily['samples'];
type Labels = Record<string, string>;

/**
 * Everything that the ledgers of nodes count, as metrics. Counters, but for what can become fewer: waiting, in doubt,
 * local. A fate is no counter either: a late acknowledgement turns one given up into one delivered.
 */
export function ledgerMetrics(ledgers: readonly NodeLedger[]): MetricFamily[] {
  const perNode = (samplesOf: (ledger: NodeLedger, labels: Labels) => Samples): Samples =>
    ledgers.flatMap((ledger) => samplesOf(ledger, { node: ledger.node }));
  const perSource = (samplesOf: (counts: SourceCounts, labels: Labels) => Samples): Samples =>
    perNode(({ sources }, labels) =>
      Object.entries(sources).flatMap(([source, counts]) => samplesOf(counts, { ...labels, source })),
    );
  const perLane = (samplesOf: (lane: LaneCounts, labels: Labels) => Samples): Samples =>
    perNode(({ lanes }, labels) => lanes.flatMap((lane) => samplesOf(lane, { ...labels, priority: lane.priority })));
  const ofLanes = (pick: (lane: LaneCounts) => number): Samples =>
    perLane((lane, labels) => [{ labels, value: pick(lane) }]);
  return [
    {
      name: 'readings_collected_total',
      help: 'Readings that came in, in the life of the node.',
      type: 'counter',
      samples: perSource(({ collected }, labels) => [{ labels, value: collected }]),
    },
    {
      name: 'readings_refused_total',
      help: 'Readings refused at the border, by reason.',
      type: 'counter',
      samples: perSource(({ refused }, labels) => byName('reason', refused, labels)),
    },
    {
      name: 'readings_refused_of_class_total',
      help: 'Of the refused readings, those of declared streams, by their class.',
      type: 'counter',
      samples: perSource(({ refusedByClass = {} }, labels) =>
        Object.entries(refusedByClass).flatMap(([priority, refused]) =>
          byName('reason', refused, { ...labels, priority }),
        ),
      ),
    },
    {
      name: 'readings',
      help: 'Readings that the border let in, by what the filter did with them.',
      type: 'gauge',
      samples: perNode(({ streams }, labels) =>
        streams.flatMap(({ stream, priority, filtered, absorbed, held, kept, local }) =>
          byName('fate', { filtered, absorbed, held, kept, local }, { ...labels, stream, priority }),
        ),
      ),
    },
    {
      name: 'readings_local_on_disk',
      help: 'Of the local readings: still on the disk of the node. The others aged out.',
      type: 'gauge',
      samples: perNode(({ localHeld }, labels) => [{ labels, value: localHeld }]),
    },
    {
      name: 'records_enqueued_total',
      help: 'Records that were to travel, in the life of the node.',
      type: 'counter',
      samples: ofLanes(({ enqueued }) => enqueued),
    },
    {
      name: 'records_final',
      help: 'Records by their fate.',
      type: 'gauge',
      samples: perLane(({ delivered, expired, evicted, damaged }, labels) =>
        byName('fate', { delivered, expired, evicted, damaged }, labels),
      ),
    },
    {
      name: 'records_dead_lettered',
      help: 'Dead letters, by what used up their last retry.',
      type: 'gauge',
      samples: perLane(({ deadLettered }, labels) => byName('reason', deadLettered, labels)),
    },
    {
      name: 'records_discarded',
      help: 'Of the dead letters: without their records by now, so not to be replayed.',
      type: 'gauge',
      samples: ofLanes(({ discarded }) => discarded),
    },
    {
      name: 'records_delivered_elsewhere',
      help: 'Of the delivered records: stored by other far sides than the present one.',
      type: 'gauge',
      samples: ofLanes(({ elsewhere }) => elsewhere),
    },
    {
      name: 'records_waiting',
      help: 'Records that are to travel still.',
      type: 'gauge',
      samples: ofLanes(({ waiting }) => waiting),
    },
    {
      name: 'records_in_doubt',
      help: 'Records that were sent and not answered: the far side may have them.',
      type: 'gauge',
      samples: ofLanes(({ inDoubt }) => inDoubt),
    },
  ];
}

/** One sample for each count, its name under this label. */
const byName = (label: string, counts: Readonly<Record<string, number>>, labels: Labels): Samples =>
  Object.entries(counts).map(([name, value]) => ({ labels: { ...labels, [label]: name }, value }));
