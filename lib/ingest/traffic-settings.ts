import { MAX_ENVELOPE_BYTES } from '../../core/envelope.ts';
import type { Fleet } from '../../core/fleet.ts';
import type { TrafficClass } from '../../core/flow.ts';

/** How the functions of a traffic class run. Times in seconds. */
export interface TrafficSettings {
  timeoutSeconds: number;
  windowSeconds: number;
  batchSize: number;
  maxConcurrency: number;
  /** The oldest message may be so old before the alarm rings. */
  oldestSeconds: number;
}

/** Quota "Invocation payload (synchronous)". https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_EVENT_BYTES = 6 * 1024 ** 2;
/** Beside the payload: topic, client, SQS's own attributes and receipt handle, and the quotes escaped once more. */
const MESSAGE_OVERHEAD_BYTES = 2_048;
/** The largest message as it stands in the event: an envelope in base64. */
const MAX_MESSAGE_BYTES = Math.ceil(MAX_ENVELOPE_BYTES / 3) * 4 + MESSAGE_OVERHEAD_BYTES;
/** So many of the largest messages fit into one event. */
export const LARGEST_BATCH = Math.floor(MAX_EVENT_BYTES / MAX_MESSAGE_BYTES);
/** Without a batching window Lambda takes no larger batch. */
const LARGEST_BATCH_AT_ONCE = 10;

export function trafficSettings(traffic: TrafficClass, fleet: Fleet): TrafficSettings {
  const nodes = fleet.nodes.reduce((sum, { count }) => sum + (count ?? 1), 0);
  if (traffic === 'critical') {
    return {
      // Ten envelopes take well under a second; a node asks again after 5 s, so hanging longer helps nobody.
      timeoutSeconds: 20,
      windowSeconds: 0,
      batchSize: LARGEST_BATCH_AT_ONCE,
      maxConcurrency: concurrency(nodes, 100),
      // Two rounds of a failing function.
      oldestSeconds: 300,
    };
  }
  const windowSeconds = fleet.cloud.bulkWindow / 1_000;
  return {
    // 35 full envelopes are 350,000 records: some seconds of decoding and writing, ten times that when S3 is slow.
    timeoutSeconds: 60,
    windowSeconds,
    batchSize: windowSeconds > 0 ? LARGEST_BATCH : LARGEST_BATCH_AT_ONCE,
    maxConcurrency: concurrency(nodes, 25),
    oldestSeconds: 1_800,
  };
}

/**
 * Functions that work on the same node at once meet in its lanes, and all but one start again: more of them than nodes
 * that speak at the same time only cost. Lambda takes 2 to 1,000.
 */
export const concurrency = (nodes: number, nodesPerFunction: number): number =>
  Math.min(1_000, 2 + Math.ceil(nodes / nodesPerFunction));
