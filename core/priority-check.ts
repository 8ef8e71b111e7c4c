import { formatDuration } from './duration.ts';
import type { Fleet } from './fleet.ts';
import type { FleetProblem } from './fleet-problem.ts';
import { PRIORITIES, type Priorities, type PriorityTerms } from './priority.ts';

/** Streams whose records would expire before they leave. */
export function checkPriorities({ streams, priorities }: Pick<Fleet, 'streams' | 'priorities'>): FleetProblem[] {
  return Object.entries(streams).flatMap(([name, { priority, sync }]) => {
    const { ttl } = priorities[priority];
    if (ttl === 'never' || sync === 'on-demand' || sync < ttl) return [];
    const message = `sync ${formatDuration(sync)} of stream "${name}" is not shorter than the ttl ${formatDuration(ttl)} of priority ${priority}: its records would expire before they leave; shorten sync or lengthen priorities.${priority}.ttl`;
    return [{ path: ['streams', name, 'sync'], message }];
  });
}

/** In words: what uses up a retry, and how each class ends during an outage. */
export function explainPriorities(priorities: Priorities): string[] {
  return [
    'a retry is used up by a refusal, or by silence about an envelope while later ones of its class are acknowledged;',
    'while the far side is away nothing is sent but probes: then no retry is used up, and records only age',
    ...PRIORITIES.map((priority) => `${priority}: ${explainTerms(priorities[priority])}`),
  ];
}

function explainTerms(terms: PriorityTerms): string {
  const { retries, ttlMs } = terms;
  const outage =
    ttlMs === 'never'
      ? 'an outage of any length expires nothing'
      : `an outage expires what has waited ${formatDuration(ttlMs)}`;
  if (retries === 'infinite') return `${outage}; what is refused is sent again for ever, never a dead letter`;
  const sends = retries + 1;
  const after = dyingAfterMs(terms);
  if (ttlMs !== 'never' && after >= ttlMs) {
    return `${outage}; what is refused each time expires before its ${sends} sends are through, which take ${roughly(after)}`;
  }
  return `${outage}; what is refused ${sends} times is a dead letter, after ${roughly(after)} of waiting`;
}

/** How long the waits between the first send and the last one add up to; the sync interval comes before it. */
function dyingAfterMs({ retries, initialTimeoutMs, backoffFactor, maxTimeoutMs }: PriorityTerms): number {
  let sum = 0;
  for (let step = 0; step < Number(retries); step++) {
    sum += Math.min(maxTimeoutMs, initialTimeoutMs * backoffFactor ** step);
  }
  return sum;
}

/** The two largest units: 5h 41m. */
function roughly(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  let rest = ms;
  const parts = units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count}${unit}`] : [];
  });
  return parts.slice(0, 2).join(' ') || 'no time';
}
