import type { JsonValue } from '../../core/filters/filter.ts';
import type { SourceConfig } from '../../core/fleet.ts';
import type { SourcePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, Source, SourceSink } from '../../core/ports.ts';
import { EARLIEST_TIME_MS, type RawReading } from '../../core/reading.ts';
import { createSeries, type SimulatedSeries } from '../../core/simulate/series.ts';
import { isJson } from '../../core/value.ts';
import { latestTick, offerUntilCommitted, wait } from './wait.ts';

export interface SimulateOptions {
  node: string;
  seed: number;
  /** Simulated seconds per second. Above 1 the past is simulated, from 30 days ago up to now. @default 1 */
  speed?: number | undefined;
}

const PAST_MS = 30 * 86_400_000;
const MAX_BATCH_READINGS = 5_000;
/** Windows are thousands of times as large as single values, and a commit holds them all. */
const MAX_BATCH_SAMPLES = 1_000_000;

type SimulatePlan = SourcePlan & { config: Extract<SourceConfig, { type: 'simulate' }> };

interface Series {
  device: string;
  stream: string;
  valueAt: SimulatedSeries;
}

/**
 * Simulated devices. Every reading is a pure function of its series and its time, so the position is the last tick.
 *
 * At speed 1 a restart continues at the present: what was not simulated meanwhile was never collected. Faster, it
 * continues where it was, until simulated time has caught up with the present; from there on it runs at speed 1.
 */
export function createSimulateSource(
  plan: SimulatePlan,
  ports: { clock: Clock; logger: Logger },
  options: SimulateOptions,
): Source {
  const { clock, logger } = ports;
  const speed = options.speed ?? 1;
  const everyMs = plan.config.every;
  const series = seriesOf(plan, options);

  /** Every batch of a tick carries its position: after a crash the rest of a tick is missing, nothing is doubled. */
  const emit = async (sink: SourceSink, ts: number, signal: AbortSignal): Promise<void> => {
    for (const readings of batchesAt(series, ts)) {
      const batch = { readings, position: { tick: ts } };
      if (!(await offerUntilCommitted(sink, batch, clock, signal))) return;
    }
  };

  return {
    // Only the past can wait: the present goes on whether or not the journal takes it.
    canWait: speed > 1,
    run: async (sink, position, signal) => {
      const last = tickOf(position);
      if (position !== undefined && last === undefined) {
        logger.warn({ source: plan.name, position }, 'source: last position is of another type; not used');
      }
      const pace = createPace(clock, speed, everyMs, last);
      for (let tick = pace.first; !signal.aborted; ) {
        // Set back by more than a tick: the present is elsewhere now.
        if (tick - clock.wallMs() > 2 * everyMs) tick = tickAfter(clock.wallMs(), everyMs);
        const waitMs = pace.untilMs(tick);
        if (waitMs > 0) {
          await wait(clock, Math.min(waitMs, everyMs), signal);
          continue;
        }
        await emit(sink, tick, signal);
        tick = pace.after(tick);
        // A sink that answers at once must not keep everything else from running.
        if (pace.untilMs(tick) <= 0) await wait(clock, 0, signal);
      }
    },
  };
}

/** When simulated time reaches a tick, and which one follows. */
interface Pace {
  first: number;
  /** ms of real time; 0 or less = it is due. */
  untilMs(tick: number): number;
  after(tick: number): number;
}

function createPace(clock: Clock, speed: number, everyMs: number, last: number | undefined): Pace {
  const now = clock.wallMs();
  const from = speed > 1 ? Math.min(last ?? now - PAST_MS, now) : now;
  const first = tickAfter(from, everyMs);
  let anchor = { simulatedMs: from, monotonicMs: clock.monotonicMs() };
  const simulatedMs = (): number => anchor.simulatedMs + (clock.monotonicMs() - anchor.monotonicMs) * speed;
  const inPast = (tick: number): boolean => speed > 1 && tick + everyMs <= clock.wallMs();
  return {
    first,
    untilMs: (tick) => (inPast(tick) ? (tick - simulatedMs()) / speed : tick - clock.wallMs()),
    after: (tick) => {
      // The present does not wait for a slow sink: what was missed was never collected.
      if (!inPast(tick)) return Math.max(tick + everyMs, latestTick(clock, everyMs));
      // The past does: it only takes longer than the speed asked for.
      if (simulatedMs() > tick + everyMs) anchor = { simulatedMs: tick + everyMs, monotonicMs: clock.monotonicMs() };
      return tick + everyMs;
    },
  };
}

function seriesOf(plan: SimulatePlan, { seed, node }: SimulateOptions): Series[] {
  return plan.devices.flatMap((device) =>
    plan.streams.flatMap(({ name: stream, simulate }) =>
      simulate
        ? [{ device, stream, valueAt: createSeries(simulate, { seed, node, device, stream }, plan.config.every) }]
        : [],
    ),
  );
}

/** A tick at which nothing happened has no batch: there is nothing to write down. */
function* batchesAt(series: readonly Series[], ts: number): Generator<RawReading[]> {
  let batch: RawReading[] = [];
  let samples = 0;
  for (const one of series) {
    const reading = readingAt(one, ts);
    if (reading === undefined) continue;
    batch.push(reading);
    if (Array.isArray(reading.value)) samples += reading.value.length;
    if (batch.length < MAX_BATCH_READINGS && samples < MAX_BATCH_SAMPLES) continue;
    yield batch;
    batch = [];
    samples = 0;
  }
  if (batch.length > 0) yield batch;
}

function readingAt({ device, stream, valueAt }: Series, ts: number): RawReading | undefined {
  const value = valueAt(ts);
  if (value === undefined) return undefined;
  if (value === null) return { device, stream, ts, value, quality: 'bad' };
  return { device, stream, ts, value: isJson(value) ? (JSON.parse(value.json) as JsonValue) : value };
}

const tickAfter = (timeMs: number, everyMs: number): number => (Math.floor(timeMs / everyMs) + 1) * everyMs;

/** Before EARLIEST_TIME_MS a clock was not set yet: from there the present would never be reached. */
function tickOf(position: JsonValue | undefined): number | undefined {
  const tick =
    typeof position === 'object' && position !== null && !Array.isArray(position) ? position.tick : undefined;
  return Number.isSafeInteger(tick) && (tick as number) >= EARLIEST_TIME_MS ? (tick as number) : undefined;
}
