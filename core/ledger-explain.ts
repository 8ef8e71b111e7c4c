import {
  type FarSideLedger,
  type LaneCounts,
  type NodeLedger,
  type SourceCounts,
  type StreamCounts,
  sumOf,
} from './ledger.ts';
import { DEAD_LETTER_ADVICE, REFUSAL_ADVICE } from './ledger-advice.ts';
import { PRIORITIES, type Priority } from './priority.ts';
import type { ReadingRefusal } from './reading.ts';

/** One answer to "where did my readings go?": so many of these, and what can be done about it. */
export interface LedgerSentence {
  node: string;
  /** A source, a stream or a priority, as its name says. */
  about: 'source' | 'stream' | 'priority' | 'node';
  name: string;
  /** What became of them; for programs. */
  fate: string;
  count: number;
  /** A sentence, for people. */
  text: string;
  /** What the operator can do; absent = nothing has to be done. */
  todo?: string;
}

/** What readings are booked under whose counters were lost with a damaged block. */
const DAMAGED = '(damaged)';

/** What the far side stored of a node, where it is known. */
export type FarSideView = Pick<FarSideLedger, 'lanes'>;

/**
 * Tells where the readings of a node went, in the order in which they travel: in by a source, through the filter of a
 * stream, on in a priority class. Says nothing of what is zero.
 */
export function explainLedger(ledger: NodeLedger, far?: FarSideView): LedgerSentence[] {
  const { node } = ledger;
  const sentences: LedgerSentence[] = [];
  const say = (about: LedgerSentence['about'], name: string) => (fate: string, count: number, rest: Told) => {
    if (count !== 0) sentences.push({ node, about, name, fate, count, ...rest });
  };
  for (const [name, counts] of Object.entries(ledger.sources)) {
    if (name === DAMAGED) explainLostCounts(counts.collected, say('source', name));
    else explainSource(name, counts, say('source', name));
  }
  for (const stream of ledger.streams.filter(({ stream: name }) => name !== DAMAGED))
    explainStream(stream, say('stream', stream.stream));
  explainLocal(ledger, say('node', node));
  for (const lane of ledger.lanes) explainLane(lane, far, say('priority', lane.priority));
  return sentences;
}

/** What the far side knows a node to have lost, by priority: the node itself can not tell. Says nothing of what is zero. */
export function explainLost(node: string, lost: Readonly<Record<Priority, number>>): LedgerSentence[] {
  return PRIORITIES.flatMap((priority): LedgerSentence[] => {
    const count = lost[priority];
    if (count === 0) return [];
    return [
      {
        node,
        about: 'priority',
        name: priority,
        fate: 'lost',
        count,
        text: `${records(count)} of priority ${priority} ${have(count)} no fate: the node counted them once, the hub does not have them, and the journal that the node has now does not know them.`,
        todo: "bring the node's old disk or journal back if there is one; else they are lost (docs/operations.md, A node lost its journal)",
      },
    ];
  });
}

type Told = Pick<LedgerSentence, 'text'> & { todo?: string };
type Say = (fate: string, count: number, rest: Told) => void;

function explainSource(name: string, counts: SourceCounts, say: Say): void {
  const { collected, refused } = counts;
  const accepted = collected - sumOf(refused);
  say('collected', collected, {
    text: `Source ${name} handed over ${readings(collected)}; ${amount(accepted)} of them ${were(accepted)} let in.`,
  });
  for (const [reason, count] of entriesOf(refused)) {
    const { because, todo } = REFUSAL_ADVICE[reason];
    say(`refused: ${reason}`, count, {
      text: `${readings(count)} of ${name} ${were(count)} refused: ${because}${classesOf(counts, reason)}.`,
      todo,
    });
  }
}

/** " (critical 2, normal 7)": what is known of the classes; nothing where none is. */
function classesOf({ refusedByClass = {} }: SourceCounts, reason: ReadingRefusal): string {
  const known = PRIORITIES.flatMap((priority) => {
    const count = refusedByClass[priority]?.[reason] ?? 0;
    return count > 0 ? [`${priority} ${amount(count)}`] : [];
  });
  return known.length > 0 ? ` (${known.join(', ')})` : '';
}

/** What is booked after a damaged block took counters with it, so that the rest adds up again. */
function explainLostCounts(collected: number, say: Say): void {
  say('counters lost', collected, {
    text: `Of ${readings(collected)} it is not known where they came from: the counters were in a damaged place on the node's disk.`,
    todo: 'check the disk of the node: its power supply, its wear',
  });
}

function explainStream({ stream, filtered, absorbed, held, kept, local }: StreamCounts & { stream: string }, say: Say) {
  say('filtered', filtered, {
    text: `${readings(filtered)} of ${stream} ${were(filtered)} left out by its filter, as the fleet file says.`,
  });
  say('absorbed', absorbed, { text: `${readings(absorbed)} of ${stream} went into summaries, which travel instead.` });
  say('held', held, { text: `${readings(held)} of ${stream} ${are(held)} held in an open window of its filter.` });
  say('kept', kept, { text: `${readings(kept)} of ${stream} became records that travel.` });
  say('local', local, {
    text: `${readings(local)} of ${stream} stayed on the node ("sync: on-demand") and ${are(local)} not stored anywhere else.`,
    todo: `headwater pull fetches those that have not aged out`,
  });
}

function explainLocal({ streams, localHeld }: NodeLedger, say: Say): void {
  const agedOut = streams.reduce((sum, { local }) => sum + local, 0) - localHeld;
  if (agedOut <= 0) return;
  say('aged-out', agedOut, {
    text: `${amount(agedOut)} of the readings that stayed local ${have(agedOut)} aged out of the node's disk.`,
    todo: 'a larger journal.localBytes keeps more; pull sooner, or give the stream a sync interval',
  });
}

function explainLane(lane: LaneCounts, far: FarSideView | undefined, say: Say): void {
  const { priority, enqueued, delivered, elsewhere, waiting, inDoubt } = lane;
  if (enqueued === 0) return;
  say('enqueued', enqueued, { text: `${records(enqueued)} of priority ${priority} ${were(enqueued)} to travel.` });
  const there = far?.lanes.find((candidate) => candidate.priority === priority);
  const stored = there ? ` It holds ${amount(there.indexed)} of this class.` : '';
  say('delivered', delivered, {
    text: `${records(delivered)} ${were(delivered)} delivered: the far side stored them.${stored}`,
  });
  say('delivered elsewhere', elsewhere, {
    text: `${records(elsewhere)} of these ${were(elsewhere)} delivered to another far side than the present one.`,
    todo: 'look for them there: a query here does not find them',
  });
  say('waiting', waiting, {
    text: `${records(waiting)} ${are(waiting)} waiting on the node to be delivered.`,
    todo: 'nothing, while the link is up; else see the log of the node for what is wrong with the link',
  });
  say('in doubt', inDoubt, {
    text: `${records(inDoubt)} ${were(inDoubt)} sent and not answered: the far side may have them.`,
    todo: 'nothing: the node asks as soon as the far side answers again',
  });
  explainGivenUp(lane, say);
}

function explainGivenUp({ priority, expired, evicted, deadLettered, discarded, damaged }: LaneCounts, say: Say): void {
  say('expired', expired, {
    text: `${records(expired)} expired: older than the time to live of ${priority} before they could be delivered.`,
    todo: `a longer priorities.${priority}.ttl, or a link that is up more of the time`,
  });
  say('evicted', evicted, {
    text: `${records(evicted)} ${were(evicted)} evicted: the journal was full and higher classes, or younger records, needed the room.`,
    todo: 'a larger journal.maxBytes outlasts a longer outage',
  });
  for (const [reason, count] of entriesOf(deadLettered)) {
    const { because, todo } = DEAD_LETTER_ADVICE[reason];
    say(`dead-lettered: ${reason}`, count, {
      text: `${records(count)} became dead letters: ${because}.`,
      todo: `${todo}; then headwater dead-letters replay (or discard)`,
    });
  }
  say('discarded', discarded, {
    text: `${records(discarded)} of the dead letters ${were(discarded)} discarded: by an operator, or for want of room.`,
    todo: 'a larger journal.deadLetterBytes keeps more of them',
  });
  say('damaged', damaged, {
    text: `${records(damaged)} ${were(damaged)} damaged on the node's disk and cannot be read.`,
    todo: 'check the disk of the node: its power supply, its wear',
  });
}

const amount = (count: number): string => count.toLocaleString('en-US');
const readings = (count: number): string => `${amount(count)} ${count === 1 ? 'reading' : 'readings'}`;
const records = (count: number): string => `${amount(count)} ${count === 1 ? 'record' : 'records'}`;
const were = (count: number): string => (count === 1 ? 'was' : 'were');
const are = (count: number): string => (count === 1 ? 'is' : 'are');
const have = (count: number): string => (count === 1 ? 'has' : 'have');

const entriesOf = <Key extends string>(counts: Partial<Record<Key, number>>): [Key, number][] =>
  Object.entries(counts) as [Key, number][];
