import type { PullRequest } from '../greengrass-components/sense/pull.ts';
import type { JournalRecord } from '../journal/record-codec.ts';
import { DAMAGED } from './damage-bookings.ts';
import type { Border } from './decide.ts';
import { type Decision, emptyState, type ModelRecord, type ModelState, newRecord } from './model-state.ts';
import { uidOfValue } from './workload.ts';

/** What stayed local, as the model knows it, by the number of the reading. */
export type Locals = ReadonlyMap<number, ModelRecord>;

/** Whether an operator asked for it. */
export const isAskedFor = ({ reading, ts }: ModelRecord, { stream, device, fromTs, toTs }: PullRequest): boolean =>
  reading.stream === stream && (device === undefined || reading.device === device) && fromTs <= ts && ts < toTs;

/**
 * What the commit of a pull must be: each of its records stayed local, was asked for and never pulled before; of the
 * stream's readings as many are kept now as are local no more.
 *
 * @param epoch of the process that pulls
 */
export function decidePull(
  state: ModelState,
  { locals, epoch, border }: { locals: Locals; epoch: string; border: Border },
  asked: PullRequest,
  found: readonly JournalRecord[],
): { decision: Decision; problem: string | undefined } {
  const pulls: ModelRecord[] = [];
  const records: ModelRecord[] = [];
  const changes = emptyState();
  let problem: string | undefined;
  for (const one of found) {
    const uid = uidOfValue(one.value, one.ts);
    const local = locals.get(uid);
    if (!local?.reading.plan) problem = `reading ${uid} never stayed local`;
    else if (local.pulled || pulls.includes(local)) problem = `reading ${uid} is pulled twice`;
    else if (!isAskedFor(local, asked) && local.orElse.length === 0) problem = `reading ${uid} was not asked for`;
    if (!local?.reading.plan) continue;
    pulls.push(local);
    records.push(newRecord({ ...travelling(local, epoch, border), lane: local.reading.plan.lane }));
  }
  const [first] = records;
  if (first) book(changes, state, `${asked.stream}/${first.lane}`, records.length);
  return {
    decision: {
      batches: [],
      changes,
      records,
      turnedAway: undefined,
      pulls,
      place: undefined,
      damaged: false,
      lost: false,
    },
    problem,
  };
}

/** Of the same opening times are corrected by now; of an earlier one nobody can, and the reading says so. */
function travelling(local: ModelRecord, epoch: string, { clockOffsetMs, clock }: Border) {
  const { reading } = local;
  const later = ({ ts, clock: then }: { ts: number; clock: ModelRecord['clock'] }) => {
    if (then === 'synced' || local.epoch !== epoch) return { ts, clock: then };
    return { ts: ts + Math.round(clockOffsetMs - local.clockOffsetMs), clock };
  };
  const doubtful = local.clock === 'unsynced' && local.epoch !== epoch && reading.quality === 'good';
  return {
    ...later(local),
    orElse: local.orElse.map(later),
    reading: doubtful ? { ...reading, quality: 'uncertain' as const } : reading,
    clockOffsetMs,
  };
}

function book(changes: ModelState, state: ModelState, stream: string, count: number): void {
  const before = state.streams.get(stream) ?? { filtered: 0, kept: 0, local: 0 };
  const moved = Math.min(count, before.local);
  changes.streams.set(stream, { ...before, kept: before.kept + count, local: before.local - moved });
  if (moved === count) return;
  // A damaged block lost the count of them: as readings they are booked where such losses are.
  const damaged = structuredClone(state.sources.get(DAMAGED)) ?? { collected: 0, refused: {} };
  damaged.collected += count - moved;
  changes.sources.set(DAMAGED, damaged);
}
