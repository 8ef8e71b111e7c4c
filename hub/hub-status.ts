import type { DuckDbStore } from '../adapters/embedded/duckdb-store.ts';
import type { QueryEngine } from '../adapters/embedded/query-engine.ts';
import type { IndexedLane } from '../adapters/embedded/store-counts.ts';
import type { Broker } from '../adapters/mqtt/broker.ts';
import { PRIORITIES, type Priority, priorityOf } from '../core/priority.ts';
import { countOf, type RangeSet } from '../core/ranges.ts';
import type { IngestTally } from './ingest-tally.ts';
import type { StatementBook } from './statement-book.ts';
import type { HubStatus } from './status.ts';
import { unaccountedIn } from './unaccounted.ts';

export interface StatusParts {
  name: string;
  startedAtMs: number;
  nowMs: number;
  address: HubStatus['address'];
  store: DuckDbStore;
  broker: Broker;
  engine: QueryEngine;
  tally: IngestTally;
  latestOf: StatementBook['latestOf'];
  nodes: readonly string[];
}

/** Everything that the hub's parts know of themselves, as one document; cheap enough for each second. */
export async function hubStatusOf(parts: StatusParts): Promise<HubStatus> {
  const { store, broker, engine, tally } = parts;
  const { clients, refusals } = broker.status();
  const { poison, ...size } = await store.size();
  const words = new Map(parts.nodes.map((node) => [node, parts.latestOf(node)])); // before the store, which then knows it too
  const index = await store.index();
  const stored = countsByNode(index, (lane) => lane.stored);
  const lanes = lanesByNode(index);
  const givenUp = countsByNode(index, (lane) => lane.givenUp);
  return {
    hub: parts.name,
    farSide: store.id,
    startedAtMs: parts.startedAtMs,
    nowMs: parts.nowMs,
    address: { ...parts.address },
    nodes: parts.nodes.map((name) => {
      const client = clients[name];
      return {
        name,
        connected: client?.connected ?? false,
        ...(client?.lastSeenMs === undefined ? {} : { lastSeenMs: client.lastSeenMs }),
        stored: stored.get(name) ?? noRecords(),
        givenUp: givenUp.get(name) ?? noRecords(),
        lost: unaccountedIn(lanes.get(name) ?? [], words.get(name)).lost,
        refused: tally.refusedOf(name),
        bytesIn: client?.bytesIn ?? 0,
        envelopes: tally.envelopesOf(name),
        heldBackMs: client?.heldBackMs ?? 0,
      };
    }),
    store: { ...size, poison: poison.messages, poisonDropped: poison.dropped },
    refusedConnections: { ...refusals },
    queries: { ...tally.queries(), pending: engine.pending() },
  };
}

const noRecords = (): Record<Priority, number> =>
  Object.fromEntries(PRIORITIES.map((priority) => [priority, 0])) as Record<Priority, number>;

function lanesByNode(index: readonly IndexedLane[]): Map<string, IndexedLane[]> {
  const byNode = new Map<string, IndexedLane[]>();
  for (const lane of index) {
    const lanes = byNode.get(lane.key.node);
    if (lanes) lanes.push(lane);
    else byNode.set(lane.key.node, [lane]);
  }
  return byNode;
}

function countsByNode(
  index: readonly IndexedLane[],
  pick: (lane: IndexedLane) => RangeSet,
): Map<string, Record<Priority, number>> {
  const byNode = new Map<string, Record<Priority, number>>();
  for (const lane of index) {
    const { key } = lane;
    const counts = byNode.get(key.node) ?? noRecords();
    counts[priorityOf(key.lane)] += countOf(pick(lane));
    byNode.set(key.node, counts);
  }
  return byNode;
}
