import type { SimulateCommand } from './command-line.ts';
import type { FarSideKind } from './far-side.ts';
import type { SimulationResult } from './simulation.ts';

/** What a run of several seeds reached. */
export interface SimulationReport {
  seeds: number;
  /** How many seeds had one far side of each kind, and how many had two of any kind. */
  farSides: Record<FarSideKind | 'both', number>;
  events: number;
  eventsPerSecond: number;
  virtualMs: number;
  crashes: number;
  restarts: number;
  farSideCrashes: number;
  rows: number;
  /** How often each kind of fault was reached. */
  faults: Record<string, number>;
}

export function addUp(results: readonly SimulationResult[], elapsedMs: number): SimulationReport {
  const sum = (of: (result: SimulationResult) => number): number => results.reduce((total, one) => total + of(one), 0);
  const faults = new Map<string, number>();
  for (const result of results) {
    for (const [fault, count] of result.faults) faults.set(fault, (faults.get(fault) ?? 0) + count);
  }
  const events = sum((one) => one.events);
  return {
    seeds: results.length,
    farSides: {
      hub: sum((one) => Number(one.farSides.join() === 'hub')),
      cloud: sum((one) => Number(one.farSides.join() === 'cloud')),
      both: sum((one) => Number(one.farSides.length > 1)),
    },
    events,
    eventsPerSecond: Math.round((events / elapsedMs) * 1_000),
    virtualMs: sum((one) => one.virtualMs),
    crashes: sum((one) => one.crashes),
    restarts: sum((one) => one.restarts),
    farSideCrashes: sum((one) => one.farSideCrashes),
    rows: sum((one) => one.rows),
    faults: Object.fromEntries([...faults].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

export function reportText(report: SimulationReport): string {
  const { seeds, farSides, events, eventsPerSecond, virtualMs, crashes, restarts, farSideCrashes, rows, faults } =
    report;
  const counts = Object.entries(faults).map(([fault, count]) => `  ${String(count).padStart(8)}  ${fault}`);
  return [
    `${seeds} seeds (${farSides.hub} hub, ${farSides.cloud} cloud, ${farSides.both} with two far sides), ${events} events (${eventsPerSecond} a second), ${durationText(virtualMs)} of virtual time`,
    `${crashes} crashes and ${restarts} restarts of nodes, ${farSideCrashes} crashes of the far side, ${rows} rows stored`,
    `${counts.length} kinds of fault reached:`,
    ...counts,
  ].join('\n');
}

export const asJson = (report: SimulationReport, failed: SimulationResult | undefined): string =>
  JSON.stringify({
    ...report,
    failed: failed && { seed: String(failed.seed), ...failed.violation, traceHash: failed.traceHash },
  });

/** Everything needed to look into a failure, and the command that repeats it. */
export function failureText(
  { seed, violation, lastLines, traceHash }: SimulationResult,
  { maxEvents, years, focus }: Pick<SimulateCommand, 'maxEvents' | 'years' | 'focus'>,
): string {
  const again = [
    `npm run simulate -- --seed ${seed}`,
    ...(maxEvents === undefined ? [] : [`--events ${maxEvents}`]),
    ...(years === undefined ? [] : [`--years ${years}`]),
    ...(focus.length === 0 ? [] : [`--focus ${focus.join(',')}`]),
  ].join(' ');
  return [
    '',
    ...lastLines.slice(-60),
    '',
    `seed ${seed} failed at event ${violation?.event}, virtual time ${durationText(violation?.atMs ?? 0)}`,
    `invariant: ${violation?.invariant}`,
    `found: ${violation?.detail}`,
    `trace ${traceHash}`,
    `again: ${again}`,
  ].join('\n');
}

function durationText(ms: number): string {
  const days = ms / 86_400_000;
  if (days >= 730) return `${(days / 365).toFixed(1)} years`;
  return days >= 2 ? `${days.toFixed(1)} days` : `${(ms / 3_600_000).toFixed(2)} hours`;
}
