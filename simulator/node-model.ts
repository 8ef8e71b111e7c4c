import { type NodeLedger, type SourceCounts, sumOf } from '../core/ledger.ts';
import { laneOf, type Priority } from '../core/priority.ts';
import { type Range, type RangeSet, rangeSetOf } from '../core/ranges.ts';
import { JOURNAL_LANES, LOCAL_LANE } from '../journal/commit-codec.ts';
import type { AppendResult } from '../journal/journal-port.ts';
import { addCounts, type Border, debtsAfter, decide } from './decide.ts';
import {
  copyOf,
  type Decision,
  differences,
  emptyState,
  fold,
  type ModelRecord,
  type ModelState,
} from './model-state.ts';
import type { OfferedBatch } from './offered.ts';

/** What one node must know and hold: an account of its own, kept beside the code under test. */
export interface NodeModel {
  /** Called just before a source hands a batch over. */
  offered(batch: OfferedBatch): void;
  /** The journal is about to write everything offered so far. */
  take(border: Border): Decision;
  /** What the journal answered. Returns what is wrong with it. */
  settle(decision: Decision, result: AppendResult): string[];
  /** The process died: what it had in memory is gone. */
  crash(): void;
  /** A process looks at the disk: this is the newest file whose head it can read. */
  starting(headFile: string | undefined): void;
  /** A process came up and says where it stands. Returns what is wrong with that. */
  restarted(epoch: string, found: Found): string[];
  /** What the ledger must say now. */
  expected(): Pick<ModelState, 'sources' | 'streams'>;
  numberOf(source: string): number;
  recordAt(epoch: string, lane: number, position: number): ModelRecord | undefined;
  /** An envelope with these positions left the node. */
  sent(epoch: string, lane: number, range: Range): void;
  /** The journal handed these out to be sent. */
  lent(epoch: string, lane: number, range: Range, untilMs: number): void;
  /** What was handed out and not due back at that time. */
  leasedIn(epoch: string, lane: number, atMs: number): RangeSet;
  recordOf(uid: number): ModelRecord | undefined;
  /** Committed and to travel, not in the store. */
  outstanding(): ReadonlySet<ModelRecord>;
  stored(record: ModelRecord): void;
  /** It was visible before it landed for good, and is not any more. */
  vanished(record: ModelRecord): void;
  /** Records per lane 0..3 ever committed to travel. */
  enqueued(): readonly number[];
  /** The commit whose bytes begin there. */
  writtenAt(file: string, offset: number): Decision | undefined;
}

export interface Found {
  positions: ReadonlyMap<string, number | undefined>;
  ledger: Pick<NodeLedger, 'sources' | 'streams'>;
  /** States of the filters as JSON, under `device/stream`; the value sent last is somewhere in it. */
  sent: ReadonlyMap<string, string>;
  damages: number;
}

const KEPT_HISTORY = 3_000;
/** A commit may take as long on a slow disk. */
const KEPT_LEASES_MS = 600_000;
/** As in the node's own ledger: readings whose counters were in a lost block. */
const DAMAGED = '(damaged)';

/** @param nowMs virtual time */
export function createNodeModel(nowMs: () => number): NodeModel {
  let leases: (Range & { key: string; untilMs: number })[] = [];
  let state = emptyState();
  /** The state before the first decision of the history. */
  let base = emptyState();
  let history: Decision[] = [];
  /** Bookings of damage that the next commit takes along. */
  let unsaved = emptyState();
  let debts = new Map<string, SourceCounts>();
  let pending: OfferedBatch[] = [];
  /** Commits that may be on the disk although nobody said so: refused or never answered. */
  let doubtful: Decision[] = [];
  let epoch = '';
  let next: number[] = [];
  const byIdentity = new Map<string, ModelRecord>();
  const byUid = new Map<number, ModelRecord>();
  const byPlace = new Map<string, Decision>();
  const outstanding = new Set<ModelRecord>();
  const enqueued = [0, 0, 0, 0];

  const adopt = (decision: Decision): void => {
    fold(state, decision.changes);
    history.push(decision);
    if (decision.place) byPlace.set(`${decision.place.file}/${decision.place.from}`, decision);
    if (history.length > KEPT_HISTORY) fold(base, history.shift()!.changes);
    for (const record of decision.records) {
      record.epoch = epoch;
      record.position = next[record.lane]!++;
      if (record.lane === LOCAL_LANE) continue;
      enqueued[record.lane]!++;
      byIdentity.set(`${epoch}/${record.lane}/${record.position}`, record);
      byUid.set(record.reading.uid, record);
      outstanding.add(record);
    }
    doubtful = [];
    unsaved = emptyState();
  };

  const stateOnDisk = (): ModelState => {
    const found = copyOf(base);
    for (const { changes, lost } of history) if (!lost) fold(found, changes);
    return found;
  };

  /** How the node must stand if this commit, of which nobody knows, is on the disk. */
  const accountOf = (candidate: Decision | undefined, found: Found) => {
    const onDisk = stateOnDisk();
    if (candidate) fold(onDisk, candidate.changes);
    const total = [...enqueued];
    for (const { lane } of candidate?.records ?? []) if (lane !== LOCAL_LANE) total[lane]!++;
    const booked = found.damages > 0 ? damageBookings(onDisk, total) : emptyState();
    const recovered = copyOf(onDisk);
    fold(recovered, booked);
    const problems = [
      ...differences(recovered, asState(found.ledger)),
      ...positionProblems(recovered, found),
      ...sentProblems(recovered, found),
    ];
    return { candidate, onDisk, booked, recovered, problems };
  };

  const expected = (): Pick<ModelState, 'sources' | 'streams'> => {
    if (debts.size === 0) return state;
    const sources = new Map(state.sources);
    for (const [name, debt] of debts) {
      const counts = structuredClone(sources.get(name)) ?? { collected: 0, refused: {} };
      addCounts(counts, debt);
      sources.set(name, counts);
    }
    return { sources, streams: state.streams };
  };

  return {
    offered: (batch) => void pending.push(batch),
    take(border) {
      const decision = decide(state, debts, pending, border);
      fold(decision.changes, unsaved);
      for (const record of decision.records) record.takenMs = nowMs();
      pending = [];
      doubtful.push(decision);
      return decision;
    },
    settle(decision, result) {
      for (const batch of decision.batches) batch.fate = result.ok ? 'committed' : 'refused';
      if (!result.ok) {
        debts = debtsAfter(debts, decision.batches, result.reason);
        return [];
      }
      debts = new Map();
      const problems: string[] = [];
      for (let lane = 0; lane < JOURNAL_LANES; lane++) {
        const count = decision.records.filter((record) => record.lane === lane).length;
        const found = result.lanes.find((one) => one.lane === lane);
        if ((found?.count ?? 0) !== count || (found && found.first !== next[lane])) {
          problems.push(`lane ${lane}: ${count} records from ${next[lane]} on, committed ${JSON.stringify(found)}`);
        }
      }
      adopt(decision);
      return problems;
    },
    crash() {
      pending = [];
      leases = [];
      debts = new Map();
    },
    starting(headFile) {
      // Snapshots hold everything before them; what is behind the newest counts only if it can be read. The next
      // snapshot is made from that: what is lost now stays lost.
      for (const decision of [...history, ...doubtful]) {
        const { damaged, place } = decision;
        if (damaged && (headFile === undefined || !place || place.file >= headFile)) decision.lost = true;
      }
    },
    restarted(newEpoch, found) {
      const possible = [undefined, ...doubtful.filter(({ lost }) => !lost)];
      const accounts = possible.map((candidate) => accountOf(candidate, found));
      const [chosen, ...others] = accounts.filter(({ problems }) => problems.length === 0);
      if (!chosen) return accounts.map(({ problems }) => problems.join('; '));
      if (chosen.candidate) adopt(chosen.candidate);
      for (const { candidate } of others) {
        if (!chosen.candidate || !candidate) continue;
        addAlternatives(chosen.candidate, candidate);
        if (candidate.place) byPlace.set(`${candidate.place.file}/${candidate.place.from}`, chosen.candidate);
      }
      // The new epoch begins with a snapshot: what was lost before it stays lost.
      base = chosen.onDisk;
      history = [];
      unsaved = chosen.booked;
      state = chosen.recovered;
      doubtful = [];
      epoch = newEpoch;
      next = new Array<number>(JOURNAL_LANES).fill(0);
      return [];
    },
    expected,
    numberOf: (source) => state.positions.get(source) ?? 0,
    recordAt: (of, lane, position) => byIdentity.get(`${of}/${lane}/${position}`),
    sent(of, lane, { from, to }) {
      for (let position = from; position < to; position++) {
        const record = byIdentity.get(`${of}/${lane}/${position}`);
        if (record) record.sends++;
      }
    },
    lent(of, lane, { from, to }, untilMs) {
      leases = leases.filter((lease) => lease.untilMs > nowMs() - KEPT_LEASES_MS);
      leases.push({ key: `${of}/${lane}`, from, to, untilMs });
    },
    leasedIn: (of, lane, atMs) =>
      rangeSetOf(leases.filter(({ key, untilMs }) => key === `${of}/${lane}` && untilMs >= atMs)),
    recordOf: (uid) => byUid.get(uid),
    outstanding: () => outstanding,
    stored(record) {
      record.stored = true;
      outstanding.delete(record);
    },
    vanished(record) {
      record.stored = false;
      outstanding.add(record);
    },
    enqueued: () => enqueued,
    writtenAt: (file, offset) =>
      byPlace.get(`${file}/${offset}`) ?? doubtful.find(({ place }) => place?.file === file && place.from === offset),
  };
}

/** The node books as kept what it knows to have existed without knowing what it was. */
function damageBookings(recovered: ModelState, enqueued: readonly number[]): ModelState {
  const booked = emptyState();
  let collected = 0;
  for (const counts of recovered.sources.values()) collected -= counts.collected - sumOf(counts.refused);
  for (const { filtered, kept, local } of recovered.streams.values()) collected += filtered + kept + local;
  enqueued.forEach((total, lane) => {
    let kept = 0;
    for (const [name, counts] of recovered.streams) if (name.endsWith(`/${lane}`)) kept += counts.kept;
    if (total <= kept) return;
    collected += total - kept;
    const stream = recovered.streams.get(`${DAMAGED}/${lane}`);
    booked.streams.set(`${DAMAGED}/${lane}`, { filtered: 0, local: 0, kept: (stream?.kept ?? 0) + total - kept });
  });
  if (collected === 0) return booked;
  const source = structuredClone(recovered.sources.get(DAMAGED)) ?? { collected: 0, refused: {} };
  if (collected > 0) source.collected += collected;
  else source.refused['journal-failed'] = (source.refused['journal-failed'] ?? 0) - collected;
  booked.sources.set(DAMAGED, source);
  return booked;
}

function addAlternatives(chosen: Decision, other: Decision): void {
  for (const { reading, ts, clock } of other.records) {
    chosen.records.find((record) => record.reading.uid === reading.uid)?.orElse.push({ ts, clock });
  }
}

function sentProblems(expected: ModelState, found: Found): string[] {
  const problems: string[] = [];
  for (const [series, reading] of expected.sent) {
    const state = found.sent.get(series);
    if (reading.plan?.filter.type !== 'change' || state?.includes(JSON.stringify(reading.value))) continue;
    problems.push(`sent last of ${series}: expected ${reading.value}, found ${state}`);
  }
  return problems;
}

function positionProblems(expected: ModelState, found: Found): string[] {
  return [...found.positions].flatMap(([source, position]) =>
    expected.positions.get(source) === position
      ? []
      : [`position of ${source}: expected ${expected.positions.get(source)}, found ${position}`],
  );
}

/** A node's reading ledger in the model's words. */
export function asState({ sources, streams }: Found['ledger']): Pick<ModelState, 'sources' | 'streams'> {
  return {
    sources: new Map(Object.entries(sources)),
    streams: new Map(
      streams.map(({ stream, priority, filtered, kept, local }) => [
        `${stream}/${laneOf(priority as Priority)}`,
        { filtered, kept, local },
      ]),
    ),
  };
}
