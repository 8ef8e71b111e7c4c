import { createManualClock, type ManualClock } from '../../adapters/memory/clock.ts';
import type { JsonValue } from '../../core/filters/filter.ts';
import { fleetSchema } from '../../core/fleet.ts';
import { checkFleet } from '../../core/fleet-check.ts';
import { planNode, type SourcePlan } from '../../core/node-plan.ts';
import type { Source, SourceBatch } from '../../core/ports.ts';
import type { RawReading } from '../../core/reading.ts';

/** A clock on which every wait passes at once, once everything else that can run has run. */
export function createHastyClock(startMs?: number): ManualClock & { waits: number[] } {
  const clock = createManualClock(startMs);
  const waits: number[] = [];
  return {
    ...clock,
    waits,
    after: (ms, run) => {
      waits.push(ms);
      const cancel = clock.after(ms, run);
      const pass = setImmediate(() => clock.advance(Math.max(0, ms)));
      return () => {
        clearImmediate(pass);
        cancel();
      };
    },
  };
}

export interface Collected {
  batches: SourceBatch[];
  readings: RawReading[];
  refused: NonNullable<SourceBatch['refused']>[number][];
  position: JsonValue | undefined;
}

export interface CollectOptions {
  position?: JsonValue | undefined;
  /** Ends the run after so many committed batches. */
  maxBatches?: number;
  /** What the sink answers to the nth offer. */
  answer?: (offer: number) => 'committed' | 'not-now';
}

/** Runs a source into memory until it ends, or until enough batches were committed. */
export async function collect(source: Source, options: CollectOptions = {}): Promise<Collected> {
  const stop = new AbortController();
  const batches: SourceBatch[] = [];
  let offers = 0;
  const sink = {
    offer: async (batch: SourceBatch): Promise<'committed' | 'not-now'> => {
      const answer = options.answer?.(offers++) ?? 'committed';
      if (answer === 'committed') batches.push(batch);
      if (batches.length >= (options.maxBatches ?? Number.POSITIVE_INFINITY)) stop.abort();
      return answer;
    },
  };
  await source.run(sink, options.position, stop.signal, {});
  return {
    batches,
    readings: batches.flatMap(({ readings }) => readings),
    refused: batches.flatMap(({ refused }) => refused ?? []),
    position: batches.findLast(({ position }) => position !== undefined)?.position ?? options.position,
  };
}

type SourceOf<Type> = SourcePlan & { config: Extract<SourcePlan['config'], { type: Type }> };

/** The plan of a device group `group` as a fleet file would declare it. */
export function sourcePlan<Type extends SourcePlan['config']['type']>(
  type: Type,
  streams: Record<string, unknown>,
  source: object,
  count?: number,
): SourceOf<Type> {
  const fleet = fleetSchema.parse({
    version: 1,
    name: 'test',
    sites: { here: {} },
    streams,
    deviceGroups: {
      group: { streams: Object.keys(streams), source: { type, ...source }, ...(count && { count }) },
    },
    nodes: [{ name: 'node', site: 'here', deviceGroups: ['group'] }],
  });
  const problems = checkFleet(fleet);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return planNode(fleet, 'node', { demo: false })!.sources[0]! as SourceOf<Type>;
}
