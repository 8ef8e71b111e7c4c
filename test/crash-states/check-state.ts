import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { addToTotals, fatesOf, sumOfTotals, unfinished } from '../../core/lane-fates.ts';
import type { Disk } from '../../core/ports.ts';
import { LANES, type Lane } from '../../core/priority.ts';
import { countOf, subtract } from '../../core/ranges.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import type { Journal, JournalOpening } from '../../journal/journal-port.ts';
import { readRecords } from '../../journal/record-codec.ts';
import { commitFrom, journalOn, type QuotaName } from './journal-run.ts';
import type { Known } from './known.ts';
import { createNotingKeyRing, type RingKeys } from './noting-key-ring.ts';

/**
 * Opens what a crash left with the real journal, and holds it against what its caller knew: everything acknowledged is
 * there with the same values or has its fate, nothing is there twice, positions have no gaps, a commit under way is
 * there in full or not at all, and the journal goes on from there, over another restart too.
 *
 * @throws an error that says what is wrong
 */
export async function checkState(
  disk: Disk,
  known: Known,
  keys: RingKeys,
  seed: bigint,
  quota: QuotaName,
): Promise<void> {
  const random = createSeededRandom(seed);
  const ring = createNotingKeyRing(keys);
  const journal = journalOn(disk, ring, random, quota);
  const opening = await journal.open();
  const withInFlight = checkCounts(opening, known);
  for (const { epoch } of opening.epochs) {
    for (const lane of LANES) {
      const values = [...known.valuesOf(epoch, lane)];
      if (withInFlight && known.inFlight!.epoch === epoch) values.push(...inFlightValues(known, lane));
      await checkLane(journal, opening, known, { epoch, lane, values });
    }
  }
  checkTotals(opening);
  const before = opening.enqueued.map((count) => count);
  const added = { lanes: LANES.map((lane) => ({ lane, values: [1e9 + lane] })), state: 1e9 };
  const result = await journal.append(commitFrom(added));
  // A quota that is full of what may not go refuses, and says so: that is no loss.
  if (!result.ok && result.reason !== 'journal-full') throw new Error(`append: ${result.reason}, ${result.detail}`);
  for (const lane of result.ok ? LANES : []) {
    const read = await journal.read({ epoch: opening.epoch, lane, from: 0, to: 1, maxRecords: 9, maxBytes: 1e6 });
    equal(`value of the first record after the crash, lane ${lane}`, valuesOf(read), [1e9 + lane]);
    before[lane]!++;
  }
  await journal.close();
  const again = journalOn(disk, ring, random, quota);
  const later = await again.open();
  equal('enqueued after another restart', later.enqueued, before);
  checkTotals(later);
  await again.close();
}

const inFlightValues = (known: Known, lane: number): readonly number[] =>
  known.inFlight!.lanes.find((one) => one.lane === lane)?.values ?? [];

/** Whether the commit under way is there. */
function checkCounts(opening: JournalOpening, known: Known): boolean {
  const acknowledged = LANES.map((lane) =>
    known.epochs.reduce((sum, epoch) => sum + known.valuesOf(epoch, lane).length, 0),
  );
  const { inFlight } = known;
  const more = LANES.map((lane) => (inFlight ? inFlightValues(known, lane).length : 0));
  const counter = opening.state.counter as number | undefined;
  const hasIt = inFlight !== undefined && counter === inFlight.state;
  equal(
    `enqueued ${hasIt ? 'with' : 'without'} the commit under way`,
    opening.enqueued,
    acknowledged.map((count, lane) => count + (hasIt ? more[lane]! : 0)),
  );
  equal('state', counter, hasIt ? inFlight.state : known.state);
  return hasIt;
}

interface KnownLaneOf {
  epoch: string;
  lane: (typeof LANES)[number];
  values: readonly number[];
}

async function checkLane(
  journal: Journal,
  opening: JournalOpening,
  known: Known,
  { epoch, lane, values }: KnownLaneOf,
): Promise<void> {
  const where = `epoch ${epoch}, lane ${lane}`;
  const { end } = opening.epochs.find((old) => old.epoch === epoch)!.lanes[lane]!;
  equal(`end, ${where}`, end, values.length);
  const fates = fatesOf(opening.fates, epoch, lane);
  equal(`delivered and never said to be, ${where}`, subtract(fates.delivered, known.deliveredOf(epoch, lane)), []);
  const evicted = subtract(fates.evicted, known.evictedOf(epoch, lane));
  if (lane === 0 || !known.inFlight) equal(`evicted without a word, ${where}`, evicted, []);
  equal(`damaged, ${where}`, fates.damaged, []);
  const waiting = unfinished(fates, [{ from: 0, to: end }]);
  for (const range of waiting) {
    const read = await journal.read({ epoch, lane, ...range, maxRecords: 1e9, maxBytes: 1e9 });
    equal(`missing of ${range.from}–${range.to}, ${where}`, read.missing, []);
    equal(`read up to, ${where}`, read.to, range.to);
    const starts = [range.from, ...read.parts.map(({ to }) => to)];
    equal(`parts without gaps, ${where}`, [...read.parts.map(({ from }) => from), range.to], starts);
    equal(`values of ${range.from}–${range.to}, ${where}`, valuesOf(read), values.slice(range.from, range.to));
  }
}

const valuesOf = ({ parts }: Awaited<ReturnType<Journal['read']>>): unknown[] =>
  parts.flatMap(({ bytes }) => readRecords(bytes).map(({ record }) => record.value));

/** Enqueued = everything with a fate, and what waits. */
function checkTotals(opening: JournalOpening): void {
  for (const lane of LANES) {
    const waiting = opening.epochs.reduce((sum, { epoch, lanes }) => {
      const all = [{ from: 0, to: lanes[lane]!.end }];
      return sum + countOf(unfinished(fatesOf(opening.fates, epoch, lane), all));
    }, 0);
    const ended = endedOf(opening, lane);
    equal(`enqueued = ended (${ended}) + waiting (${waiting}), lane ${lane}`, opening.enqueued[lane], ended + waiting);
  }
}

/** Records of a lane that have a fate, those of forgotten epochs too. */
function endedOf({ fates }: JournalOpening, lane: Lane): number {
  const totals = structuredClone(fates.retired[lane]!);
  for (const [name, one] of Object.entries(fates.lanes)) if (name.endsWith(`/${lane}`)) addToTotals(totals, one);
  return sumOfTotals(totals);
}

function equal(what: string, found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${cut(left)}, expected ${cut(right)}`);
}
const cut = (text: string | undefined): string => (text === undefined ? 'nothing' : text.slice(0, 200));

/** A disk in memory with a content of its own. */
export const diskWith = (state: ReadonlyMap<string, Buffer>): Disk =>
  createMemoryDisk(new Map([...state].map(([name, bytes]) => [name, Buffer.from(bytes)])));
