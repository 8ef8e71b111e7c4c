import type { StreamPlan } from '../core/node-plan.ts';
import type { RefusedInput } from '../core/ports.ts';
import type { Quality, ReadingRefusal } from '../core/reading.ts';

/** A reading as the workload made it. Its value, or its time if the value is null, occurs once in a run. */
export interface OfferedReading {
  uid: number;
  device: string;
  stream: string;
  ts: number | undefined;
  value: unknown;
  quality: Quality;
  /** What the border has to say about it; undefined = a good one. */
  refusal: ReadingRefusal | undefined;
  /** Undefined where the stream is not declared. */
  plan: StreamPlan | undefined;
}

/** What a source offers at once; its number is the source's position. */
export interface OfferedBatch {
  source: string;
  number: number;
  canWait: boolean;
  readings: readonly OfferedReading[];
  unparsable: readonly RefusedInput[];
  /** Monotonic ms of the process that it was offered to. */
  arrivedAt: number;
  /** As the journal answered the commit that it was in. */
  fate: 'open' | 'committed' | 'refused';
}
