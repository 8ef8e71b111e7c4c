import { figuresOf, p50, p99 } from './figures.ts';
import type { Ending } from './local-fleet.ts';

/** The one JSON document of `start --json`. Counts are of the whole life of the data directory, times and bytes of this start. */
export function reportOf(ending: Ending, run: { fleet: string; seconds: number }): object {
  const figures = figuresOf(ending.statuses);
  const { latency, ...sums } = figures;
  return {
    fleet: run.fleet,
    seconds: run.seconds,
    balanced: ending.ledger.balanced,
    failedSources: ending.failedSources,
    differences: ending.ledger.nodes.flatMap(({ differences }) => differences),
    totals: { ...sums, stored: ending.hub.store.rows },
    latencyMs: { count: latency.count, p50: p50(figures) ?? null, p99: p99(figures) ?? null },
    bytes: { sent: figures.bytesSent, json: figures.jsonBytes },
    files: {
      parquet: ending.hub.store.files,
      parquetBytes: ending.hub.store.bytes,
      stagedRows: ending.hub.store.staged,
    },
    nodes: ending.ledger.nodes.map(({ node, side, far, streams }) => ({
      node,
      sources: side?.sources,
      streams: side?.streams,
      lanes: side?.lanes,
      localHeld: side?.localHeld,
      farSide: far.lanes,
      storedStreams: streams,
      journal: ending.statuses.find(({ ledger }) => ledger.node === node)?.journal,
    })),
    hub: ending.hub,
  };
}
