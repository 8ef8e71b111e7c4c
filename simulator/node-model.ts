import type { SourceCounts } from '../core/ledger.ts';
import { type Range, type RangeSet, rangeSetOf, subtract, within } from '../core/ranges.ts';
import type { PullRequest } from '../greengrass-components/sense/pull.ts';
import { JOURNAL_LANES, LOCAL_LANE } from '../journal/commit-codec.ts';
import type { AppendResult, Commit } from '../journal/journal-port.ts';
import { readRecords } from '../journal/record-codec.ts';
import { damageBookings } from './damage-bookings.ts';
import { type Attempt, addCounts, attemptsAfter, type Border, debtsAfter, decide } from './decide.ts';
import { type Found, foundProblems } from './found.ts';
import { copyOf, type Decision, emptyState, fold, type ModelRecord, type ModelState, opaqueIn } from './model-state.ts';
import { type OfferedBatch, takenBy } from './offered.ts';
import { decidePull, type Locals } from './pull-decision.ts';

/** What one node must know and hold: an account of its own, kept beside the code under test. */
export interface NodeModel {
  /** Called just before a source hands a batch over. */
  offered(batch: OfferedBatch): void;
  /** The journal is about to write what this state speaks of, or the next part of what it had no room for. */
  take(border: Border, state: Commit['state']): Decision;
  /** The journal is about to write records that stayed local until now. */
  takePull(border: Border, commit: Commit, asked: PullRequest): { decision: Decision; problem: string | undefined };
  /**
   * What the journal answered. Returns what is wrong with it.
   *
   * @param tooLarge the commit was larger than a block should be
   */
  settle(decision: Decision, result: AppendResult, tooLarge: boolean): string[];
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
  /** They are not on their way any more, since then. */
  returned(epoch: string, lane: number, range: Range, atMs: number): void;
  /** What was handed out and not due back at that time. */
  leasedIn(epoch: string, lane: number, atMs: number): RangeSet;
  /** Committed and not to travel, or not before it was pulled. */
  locals(): Locals;
  /** Readings of a stream that stay local, by the counts. */
  localCount(stream: string): number;
  /** What the node keeps under this key of its state, as JSON, by the last commit. */
  opaque(key: string): string | undefined;
  /** Committed and to travel, not in the store. */
  outstanding(): ReadonlySet<ModelRecord>;
  /** The far sides that have it, one bit each; none: it is not visible anywhere any more. */
  storedBy(record: ModelRecord, stores: number): void;
  /** Records per lane 0..3 ever committed to travel. */
  enqueued(): readonly number[];
  /** The commit whose bytes begin there. */
  writtenAt(file: string, offset: number): Decision | undefined;
}

const KEPT_HISTORY = 3_000;
/** A commit may take as long on a slow disk. */
const KEPT_LEASES_MS = 600_000;

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
  /** Parts of a refused commit that are tried before anything else. */
  let attempts: Attempt[] = [];
  /** Commits that may be on the disk although nobody said so: refused or never answered. */
  let doubtful: Decision[] = [];
  let epoch = '';
  let next: number[] = [];
  const byIdentity = new Map<string, ModelRecord>();
  const byUid = new Map<number, ModelRecord>();
  const locals = new Map<number, ModelRecord>();
  const byPlace = new Map<string, Decision>();
  const outstanding = new Set<ModelRecord>();
  const enqueued = [0, 0, 0, 0];

  /** @returns what is wrong with it */
  const adopt = (decision: Decision): string[] => {
    const problems: string[] = [];
    fold(state, decision.changes);
    history.push(decision);
    if (decision.place) byPlace.set(`${decision.place.file}/${decision.place.from}`, decision);
    if (history.length > KEPT_HISTORY) fold(base, history.shift()!.changes);
    for (const batch of decision.batches) batch.fate = 'committed';
    for (const local of decision.pulls ?? []) local.pulled = true;
    for (const record of decision.records) {
      record.epoch = epoch;
      record.position = next[record.lane]!++;
      record.file = decision.place?.file;
      const { uid } = record.reading;
      const before = byUid.get(uid) ?? (decision.pulls ? undefined : locals.get(uid));
      if (before && !before.damaged) problems.push(`reading ${uid} gets a second fate`);
      if (record.lane === LOCAL_LANE) {
        locals.set(uid, record);
        continue;
      }
      enqueued[record.lane]!++;
      byIdentity.set(`${epoch}/${record.lane}/${record.position}`, record);
      byUid.set(uid, record);
      outstanding.add(record);
    }
    doubtful = [];
    if (!decision.pulls) unsaved = emptyState();
    return problems;
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
    return { candidate, onDisk, booked, recovered, problems: foundProblems(recovered, found) };
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
    takePull(border, commit, asked) {
      const found = commit.lanes.flatMap(({ bytes }) => [...readRecords(bytes)].map(({ record }) => record));
      const { decision, problem } = decidePull(state, { locals, epoch, border }, asked, found);
      decision.changes.opaque = opaqueIn(commit.state);
      for (const record of decision.records) record.takenMs = nowMs();
      doubtful.push(decision);
      return { decision, problem };
    },
    take(border, written) {
      const part = attempts.shift();
      const batches = part?.batches ?? pending.splice(0, takenBy(pending, written));
      const decision = decide(state, debts, batches, border, part?.turnedAway);
      decision.changes.opaque = opaqueIn(written);
      fold(decision.changes, unsaved);
      for (const record of decision.records) record.takenMs = nowMs();
      doubtful.push(decision);
      return decision;
    },
    settle(decision, result, tooLarge) {
      if (!result.ok && decision.pulls) return [];
      if (!result.ok) {
        for (const batch of decision.batches) batch.fate = 'refused';
        const less = attemptsAfter(decision, result.reason, tooLarge);
        if (less.length > 0) attempts = [...less, ...attempts];
        else {
          // What was to follow is not tried: there is no room for it either.
          for (const { batches } of [decision, ...attempts]) debts = debtsAfter(debts, batches, result.reason);
          for (const batch of attempts.flatMap(({ batches }) => batches)) batch.fate = 'refused';
          attempts = [];
        }
        return [];
      }
      if (!decision.pulls) debts = new Map();
      const problems: string[] = [];
      for (let lane = 0; lane < JOURNAL_LANES; lane++) {
        const count = decision.records.filter((record) => record.lane === lane).length;
        const found = result.lanes.find((one) => one.lane === lane);
        if ((found?.count ?? 0) !== count || (found && found.first !== next[lane])) {
          problems.push(`lane ${lane}: ${count} records from ${next[lane]} on, committed ${JSON.stringify(found)}`);
        }
      }
      return [...problems, ...adopt(decision)];
    },
    crash() {
      pending = [];
      attempts = [];
      leases = [];
      debts = new Map();
    },
    starting(headFile) {
      // Snapshots hold everything before them; what is behind the newest counts only if it can be read. The next
      // snapshot is made from that: what is lost now stays lost.
      for (const decision of [...history, ...doubtful]) {
        const { damaged, place } = decision;
        if (!damaged || !(headFile === undefined || !place || place.file >= headFile)) continue;
        decision.lost = true;
        for (const batch of decision.batches) batch.fate = 'open';
        // Nobody knows of that pull any more: what is still there may be pulled again.
        for (const local of decision.pulls ?? []) local.pulled = false;
      }
    },
    restarted(newEpoch, found) {
      const possible = [undefined, ...doubtful.filter(({ lost }) => !lost)];
      const accounts = possible.map((candidate) => accountOf(candidate, found));
      const [chosen, ...others] = accounts.filter(({ problems }) => problems.length === 0);
      if (!chosen) return accounts.map(({ problems }) => problems.join('; '));
      const problems = chosen.candidate ? adopt(chosen.candidate) : [];
      for (const { candidate } of others) {
        if (!chosen.candidate || !candidate) continue;
        addAlternatives(chosen.candidate, candidate);
        for (const record of chosen.candidate.records) record.file = undefined;
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
      return problems;
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
    returned(of, lane, range, atMs) {
      leases = leases.flatMap((lease) => {
        if (lease.key !== `${of}/${lane}` || lease.untilMs <= atMs) return [lease];
        const back = within([lease], range).map((part) => ({ ...lease, ...part, untilMs: atMs }));
        return [...back, ...subtract([lease], [range]).map((rest) => ({ ...lease, ...rest }))];
      });
    },
    leasedIn: (of, lane, atMs) =>
      rangeSetOf(leases.filter(({ key, untilMs }) => key === `${of}/${lane}` && untilMs >= atMs)),
    locals: () => locals,
    localCount: (stream) =>
      [...state.streams].reduce((sum, [key, { local }]) => sum + (key.startsWith(`${stream}/`) ? local : 0), 0),
    opaque: (key) => state.opaque.get(key),
    outstanding: () => outstanding,
    storedBy(record, stores) {
      record.stores = stores;
      if (stores === 0) outstanding.add(record);
      else outstanding.delete(record);
    },
    enqueued: () => enqueued,
    writtenAt: (file, offset) =>
      byPlace.get(`${file}/${offset}`) ?? doubtful.find(({ place }) => place?.file === file && place.from === offset),
  };
}

function addAlternatives(chosen: Decision, other: Decision): void {
  for (const { reading, ts, clock } of other.records) {
    chosen.records.find((record) => record.reading.uid === reading.uid)?.orElse.push({ ts, clock });
  }
}
