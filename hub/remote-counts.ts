import type { StoreLedger } from '../adapters/embedded/store-counts.ts';
import type { Imbalance } from '../core/ledger.ts';
import type { Priority } from '../core/priority.ts';
import type { LatestWord, WholeWord } from './statement-book.ts';
import { openIn, type Unaccounted } from './unaccounted.ts';

type StoredLane = StoreLedger['lanes'][number];

/** Records of one priority of a node elsewhere, as it stated them last. */
export interface RemoteCounts {
  priority: Priority;
  enqueued: number;
  delivered: number;
  /** Undefined where it is not known apart from the other: see `open`. */
  waiting: number | undefined;
  inDoubt: number | undefined;
  /** Neither stored nor given up: waiting on the node, or in doubt. */
  open: number;
  /** By reason; `earlier` = the node stated it once, and the hub does not know the reason any more. */
  givenUp: Partial<Record<'expired' | 'evicted' | 'dead-lettered' | 'damaged' | 'earlier', number>>;
  /** Delivered to another far side than this one. */
  elsewhere: number;
  /** Counted by the node once, and nobody knows what became of them. */
  lost: number;
}

/**
 * All lanes of one priority together.
 *
 * @param unaccounted of the lanes that the node names no more, all of its priorities
 */
export function remoteCountsOf(
  priority: Priority,
  lanes: readonly StoredLane[],
  latest: LatestWord | undefined,
  unaccounted: Unaccounted,
): RemoteCounts {
  const sum: RemoteCounts = {
    priority,
    enqueued: 0,
    delivered: 0,
    waiting: 0,
    inDoubt: 0,
    open: 0,
    givenUp: {},
    elsewhere: 0,
    lost: 0,
  };
  for (const lane of lanes) {
    const word = latest?.of(lane.key);
    if (word === undefined) addGuess(sum, lane);
    else if (typeof word === 'string') addGone(sum, lane);
    else addWord(sum, word);
  }
  addUnaccounted(sum, unaccounted);
  return sum;
}

/** The node's books of one lane, and what of them can be checked against the store. */
export function wordProblems(lane: StoredLane, latest: LatestWord | undefined): Imbalance[] {
  const word = latest?.of(lane.key);
  if (word === undefined || typeof word === 'string') return [];
  const problems: Imbalance[] = [];
  const report = (what: string, left: number, right: number): void =>
    void problems.push({
      node: lane.key.node,
      what: `${lane.priority}, epoch ${lane.key.epoch}: ${what}`,
      left,
      right,
    });
  const { upTo, delivered, rest } = word;
  const { waiting = 0, elsewhere = 0, doubtful = 0 } = rest;
  const told = delivered + elsewhere + givenUpIn(word) + waiting;
  if (upTo !== told) report('enqueued (node) = delivered + elsewhere + given up + waiting', upTo, told);
  // The store may have taken a younger statement down since: then it has another cut.
  const most = delivered + elsewhere + waiting + doubtful;
  if (lane.stated?.upTo === upTo && lane.stated.storedBelow > most) {
    report('stored ≤ delivered + elsewhere + waiting + in doubt (node)', lane.stated.storedBelow, most);
  }
  return problems;
}

const givenUpIn = ({ rest }: WholeWord): number =>
  (rest.expired ?? 0) + (rest.evicted ?? 0) + (rest.deadLettered ?? 0) + (rest.damaged ?? 0);

function addWord(sum: RemoteCounts, { upTo, delivered, rest }: WholeWord): void {
  const { waiting = 0, doubtful = 0, elsewhere = 0 } = rest;
  sum.enqueued += upTo;
  sum.delivered += delivered;
  sum.elsewhere += elsewhere;
  sum.open += waiting;
  if (sum.waiting !== undefined) sum.waiting += waiting;
  if (sum.inDoubt !== undefined) sum.inDoubt += doubtful;
  addGivenUp(sum, 'expired', rest.expired);
  addGivenUp(sum, 'evicted', rest.evicted);
  addGivenUp(sum, 'dead-lettered', rest.deadLettered);
  addGivenUp(sum, 'damaged', rest.damaged);
}

/** The node names it no more: this is what is known here. The rest is in `Unaccounted`. */
function addGone(sum: RemoteCounts, { stored, givenUp }: StoredLane): void {
  sum.enqueued += stored + givenUp;
  sum.delivered += stored;
  addGivenUp(sum, 'earlier', givenUp);
}

function addUnaccounted(sum: RemoteCounts, { lost, unsure, elsewhere }: Unaccounted): void {
  const { priority } = sum;
  sum.enqueued += lost[priority] + unsure[priority] + elsewhere[priority];
  sum.lost += lost[priority];
  sum.elsewhere += elsewhere[priority];
  if (unsure[priority] === 0) return;
  sum.open += unsure[priority];
  sum.waiting = undefined;
  sum.inDoubt = undefined;
}

/** From what outlives the hub. */
function addGuess(sum: RemoteCounts, { stored, givenUp, stated }: StoredLane): void {
  const open = stated ? openIn(stated) : 0;
  sum.enqueued += stored + givenUp + open;
  sum.delivered += stated?.delivered ?? 0;
  sum.open += open;
  sum.waiting = undefined;
  sum.inDoubt = undefined;
  addGivenUp(sum, 'earlier', givenUp);
}

function addGivenUp(sum: RemoteCounts, reason: keyof RemoteCounts['givenUp'], count: number | undefined): void {
  if (count) sum.givenUp[reason] = (sum.givenUp[reason] ?? 0) + count;
}
