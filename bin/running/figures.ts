import { type LatencySketch, latencyAt, mergeLatencies } from '../../core/latency-sketch.ts';
import { givenUpCount, sumOf } from '../../core/ledger.ts';
import type { EdgeNodeStatus } from '../../edge/node.ts';

/** What one screen shows of a running fleet: sums over its nodes. */
export interface Figures {
  nodes: number;
  connected: number;
  collected: number;
  refused: number;
  filtered: number;
  kept: number;
  local: number;
  waiting: number;
  delivered: number;
  /** Expired, evicted, dead-lettered or damaged. */
  givenUp: number;
  envelopes: number;
  bytesSent: number;
  /** The records sent, as JSON. */
  jsonBytes: number;
  /** From commit to acknowledgement, since this start. */
  latency: LatencySketch;
}

export function figuresOf(statuses: readonly EdgeNodeStatus[]): Figures {
  const sum = (count: (status: EdgeNodeStatus) => number): number =>
    statuses.reduce((total, one) => total + count(one), 0);
  const lanes = (count: (lane: EdgeNodeStatus['ledger']['lanes'][number]) => number): number =>
    sum(({ ledger }) => ledger.lanes.reduce((total, lane) => total + count(lane), 0));
  const streams = (count: (stream: EdgeNodeStatus['ledger']['streams'][number]) => number): number =>
    sum(({ ledger }) => ledger.streams.reduce((total, stream) => total + count(stream), 0));
  const sources = (count: (source: EdgeNodeStatus['ledger']['sources'][string]) => number): number =>
    sum(({ ledger }) => Object.values(ledger.sources).reduce((total, source) => total + count(source), 0));
  return {
    nodes: statuses.length,
    connected: sum(({ forward }) => Number(forward.connected)),
    collected: sources(({ collected }) => collected),
    refused: sources(({ refused }) => sumOf(refused)),
    filtered: streams(({ filtered }) => filtered),
    kept: streams(({ kept }) => kept),
    local: streams(({ local }) => local),
    waiting: lanes(({ waiting }) => waiting),
    delivered: lanes(({ delivered }) => delivered),
    givenUp: lanes(givenUpCount),
    envelopes: sum(({ forward }) => forward.envelopesSent),
    bytesSent: sum(({ forward }) => forward.bytesSent),
    jsonBytes: sum(({ forward }) => forward.jsonBytes),
    latency: mergeLatencies(statuses.map(({ forward }) => forward.latency)),
  };
}

export const p50 = ({ latency }: Figures): number | undefined => latencyAt(latency, 0.5);
export const p99 = ({ latency }: Figures): number | undefined => latencyAt(latency, 0.99);
