import { type FateTotals, sumOfTotals } from './lane-fates.ts';
import type { Priority } from './priority.ts';
import type { ReadingRefusal } from './reading.ts';

/** Readings by source: what came in, and what was refused at the border and why. */
export interface SourceCounts {
  collected: number;
  refused: RefusedReadings;
  /** Of the refused ones: those whose stream is declared, so that their class is known. Absent = none. */
  refusedByClass?: Partial<Record<Priority, RefusedReadings>>;
}
export type RefusedReadings = Partial<Record<ReadingRefusal, number>>;
export const noSourceCounts = (): SourceCounts => ({ collected: 0, refused: {} });

/** Counts refused readings, in place. @param priority undefined = nobody knows their class */
export function countRefused(
  counts: SourceCounts,
  reason: ReadingRefusal,
  count: number,
  priority: Priority | undefined,
): void {
  addInto(counts.refused, { [reason]: count });
  if (priority !== undefined) addInto(refusedOf(counts, priority), { [reason]: count });
}

/** Adds up, in place. */
export function addSourceCounts(to: SourceCounts, { collected, refused, refusedByClass = {} }: SourceCounts): void {
  to.collected += collected;
  addInto(to.refused, refused);
  for (const [priority, ofClass] of entriesOf(refusedByClass)) addInto(refusedOf(to, priority), ofClass);
}

function refusedOf(counts: SourceCounts, priority: Priority): RefusedReadings {
  const ofClass = counts.refusedByClass?.[priority] ?? {};
  counts.refusedByClass = { ...counts.refusedByClass, [priority]: ofClass };
  return ofClass;
}

function addInto(sum: RefusedReadings, more: RefusedReadings): void {
  for (const [reason, count] of entriesOf(more)) sum[reason] = (sum[reason] ?? 0) + count;
}

const entriesOf = <Key extends string, Value>(of: Partial<Record<Key, Value>>): [Key, Value][] =>
  Object.entries(of) as [Key, Value][];

/** Readings by stream and priority: what the filter did with them. */
export interface StreamCounts {
  filtered: number;
  absorbed: number;
  held: number;
  kept: number;
  /** Kept, and stays on the node until it is pulled (`sync: on-demand`). */
  local: number;
}
export const noStreamCounts = (): StreamCounts => ({ filtered: 0, absorbed: 0, held: 0, kept: 0, local: 0 });

/** Records by priority: what became of what was to travel. */
export interface LaneCounts extends FateTotals {
  priority: Priority;
  enqueued: number;
  /** Of the delivered ones: acknowledged by other far sides than the present one (docs/adr/0012-uplinks.md). */
  elsewhere: number;
  waiting: number;
  /** Sent, and the far side may have them: waiting ones, and given-up ones that it has not denied yet. */
  inDoubt: number;
}

/** How many records of a lane were given up. */
export const givenUpCount = (counts: FateTotals): number => sumOfTotals(counts) - counts.delivered;

/** Both halves of a node's ledger (docs/adr/0003-ledger.md). */
export interface NodeLedger {
  node: string;
  sources: Record<string, SourceCounts>;
  streams: (StreamCounts & { stream: string; priority: Priority })[];
  lanes: LaneCounts[];
  /** Of the local readings: still on disk. The others aged out. */
  localHeld: number;
}

/** What a far side says of one node. Three counts that must agree. */
export interface FarSideLedger {
  node: string;
  lanes: {
    priority: Priority;
    /** Positions in the index. */
    indexed: number;
    /** Rows found by SQL over the files and the staged rows. */
    rows: number;
    givenUp: number;
  }[];
}

export interface Imbalance {
  node: string;
  what: string;
  left: number;
  right: number;
}

export const sumOf = (counts: Partial<Record<string, number>>): number =>
  Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);

/** Everything in one node's ledger that does not add up; empty = it balances. */
export function checkNodeLedger(ledger: NodeLedger): Imbalance[] {
  const { node } = ledger;
  const problems: Imbalance[] = [];
  const expectEqual = (what: string, left: number, right: number): void => {
    if (left !== right) problems.push({ node, what, left, right });
  };
  const sources = Object.values(ledger.sources);
  const collected = sources.reduce((sum, source) => sum + source.collected, 0);
  const refused = sources.reduce((sum, source) => sum + sumOf(source.refused), 0);
  const fates = ledger.streams.reduce(
    (sum, { filtered, absorbed, held, kept, local }) => sum + filtered + absorbed + held + kept + local,
    0,
  );
  expectEqual('readings: collected = refused + filtered + absorbed + held + kept + local', collected, refused + fates);
  for (const lane of ledger.lanes) {
    const kept = ledger.streams.reduce((sum, stream) => sum + (stream.priority === lane.priority ? stream.kept : 0), 0);
    expectEqual(`records ${lane.priority}: kept = enqueued`, kept, lane.enqueued);
    expectEqual(
      `records ${lane.priority}: enqueued = delivered + expired + evicted + dead-lettered + damaged + waiting`,
      lane.enqueued,
      sumOfTotals(lane) + lane.waiting,
    );
  }
  return problems;
}

/** Everything in which a node and its far side differ: delivered ≤ stored ≤ delivered + in doubt, and rows = index. */
export function compareSides(node: NodeLedger, far: FarSideLedger): Imbalance[] {
  const problems: Imbalance[] = [];
  for (const lane of node.lanes) {
    const { priority, inDoubt } = lane;
    const delivered = lane.delivered - lane.elsewhere;
    const { indexed, rows } = far.lanes.find((candidate) => candidate.priority === priority) ?? { indexed: 0, rows: 0 };
    const report = (what: string, left: number, right: number): void =>
      void problems.push({ node: node.node, what: `${priority}: ${what}`, left, right });
    if (rows !== indexed) report('rows by SQL = positions in the index', rows, indexed);
    if (indexed < delivered) report('stored ≥ delivered', indexed, delivered);
    if (indexed > delivered + inDoubt) report('stored ≤ delivered + in doubt', indexed, delivered + inDoubt);
  }
  return problems;
}
