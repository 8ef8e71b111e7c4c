import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { fatesOf, unfinished } from '../../core/lane-fates.ts';
import { LANES, type Lane } from '../../core/priority.ts';
import { countOf, type RangeSet, subtract } from '../../core/ranges.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { decodeCommit } from '../../journal/commit-codec.ts';
import { createJournal } from '../../journal/journal.ts';
import type { Journal, JournalOpening } from '../../journal/journal-port.ts';
import { createLogKeys, type LogName } from '../../journal/key-ring.ts';
import { readRecords } from '../../journal/record-codec.ts';
import { scanSegment, segmentFile, segmentNumbers } from '../../journal/segment-files.ts';
import { commitOf } from '../contracts/journal.ts';

export type Files = Map<string, Buffer>;
export const copyOf = (files: Files): Files => new Map([...files].map(([name, bytes]) => [name, Buffer.from(bytes)]));

export const keys = createMemoryKeyRing([1]);
let seed = 1n;
export const journalOn = (files: Files, maxBytes: number, ring = keys): Journal =>
  createJournal(
    {
      disk: createMemoryDisk(files),
      keys: ring,
      clock: createManualClock(),
      random: createSeededRandom(seed++),
      logger: createMemoryLogger(),
    },
    { producer: 'sense', maxBytes, localBytes: 8 * 1024 },
  );

/** A block of a healthy journal: where it lies, and which positions it holds. */
export interface KnownBlock {
  file: string;
  offset: number;
  length: number;
  kind: string;
  epoch: string;
  lanes: readonly { lane: number; from: number; to: number }[];
  bytes: Buffer;
  /** The last of its file; of the newest file nobody can tell its loss from a torn tail. */
  isLast: boolean;
}

export interface HealthyJournal {
  files: Files;
  blocks: KnownBlock[];
  maxBytes: number;
  /** Values by `epoch/lane`. */
  values: Map<string, number[]>;
  enqueued: readonly number[];
  state: Record<string, unknown>;
  newest: string;
}

/** A journal of some lives, closed: records of all lanes, some of them delivered. */
export async function makeHealthyJournal(options: {
  maxBytes: number;
  lives: number;
  commits: number;
  records: number;
}): Promise<HealthyJournal> {
  const files: Files = new Map();
  const values = new Map<string, number[]>();
  let next = 0;
  for (let life = 0; life < options.lives; life++) {
    const journal = journalOn(files, options.maxBytes);
    const { epoch } = await journal.open();
    for (let commit = 0; commit < options.commits; commit++) {
      const lane = (commit % 4) as Lane;
      // Of a few sizes, so that blocks can be exchanged for others of their size.
      const added = Array.from({ length: options.records + (commit % 2) }, () => next++);
      const result = await journal.append(commitOf(lane, added, { next: `now ${String(next).padStart(6, '0')}` }));
      if (!result.ok) throw new Error(result.detail);
      values.set(`${epoch}/${lane}`, [...(values.get(`${epoch}/${lane}`) ?? []), ...added]);
    }
    await journal.settle([{ epoch, lane: 1, from: 0, to: 2, fate: 'delivered' }]);
    await journal.close();
  }
  const blocks: KnownBlock[] = [];
  for (const log of ['records', 'forward'] as const) blocks.push(...(await blocksOf(files, log)));
  const names = [...files.keys()].filter((name) => name.startsWith('records-')).sort();
  const opening = await journalOn(copyOf(files), options.maxBytes).open();
  const { enqueued, state } = opening;
  return { files, blocks, maxBytes: options.maxBytes, values, enqueued, state, newest: names.at(-1)! };
}

async function blocksOf(files: Files, log: LogName): Promise<KnownBlock[]> {
  const disk = createMemoryDisk(files);
  const logKeys = createLogKeys(keys, 'sense', log);
  const found: KnownBlock[] = [];
  for (const number of await segmentNumbers(disk, log)) {
    const file = segmentFile(log, number);
    const { blocks } = await scanSegment(disk, log, number, logKeys);
    blocks.forEach(({ offset, length, kind, epoch, payload }, at) => {
      const lanes =
        kind === 'commit'
          ? decodeCommit(payload).lanes.map(({ lane, first, count }) => ({ lane, from: first, to: first + count }))
          : [];
      const bytes = Buffer.from(files.get(file)!.subarray(offset, offset + length));
      found.push({ file, offset, length, kind, epoch, lanes, bytes, isLast: at === blocks.length - 1 });
    });
  }
  return found;
}

/**
 * Opens what is left and holds it against the healthy journal: every block that is still in its file as it was gives its
 * records and no others are missing; what is missing is named; no value is wrong.
 *
 * @throws an error that says what is wrong
 */
export async function expectOnlyTouchedBlocksLost(healthy: HealthyJournal, damaged: Files): Promise<void> {
  const isIntact = ({ file, bytes }: KnownBlock): boolean => damaged.get(file)?.includes(bytes) === true;
  const touched = healthy.blocks.filter((block) => !isIntact(block));
  const begun = process.cpuUsage();
  const journal = journalOn(damaged, healthy.maxBytes);
  const opening = await journal.open();
  const missing = await checkValues(healthy, journal, opening, touched);
  // Of the processor: how long it waits for it is the machine's matter.
  const ms = process.cpuUsage(begun).user / 1_000;
  if (ms > 5_000) throw new Error(`took ${Math.round(ms)} ms`);

  // What was delivered before is missed by nobody.
  const holdsWaiting = ({ epoch, lanes }: KnownBlock): boolean =>
    lanes.some(({ lane, ...range }) => unfinished(fatesOf(opening.fates, epoch, lane as Lane), [range]).length > 0);
  const lost = touched.filter((block) => holdsWaiting(block) && !(block.isLast && block.file === healthy.newest));
  if (lost.length > 0 && opening.damages === 0 && missing === 0) {
    throw new Error(`${lost.length} blocks were touched and nothing was counted`);
  }
  const headless = touched.every(({ kind }) => kind !== 'commit');
  if (headless && missing > 0) throw new Error(`${missing} records missing though no block with records was touched`);
  const again = commitOf(2, [1e6], { again: true });
  const result = await journal.append(again);
  if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
  await journal.close();
}

/** How many are missing. */
async function checkValues(
  healthy: HealthyJournal,
  journal: Journal,
  opening: JournalOpening,
  touched: readonly KnownBlock[],
): Promise<number> {
  let all = 0;
  for (const [name, values] of healthy.values) {
    const [epoch, laneText] = name.split('/') as [string, string];
    const lane = Number(laneText) as Lane;
    const excused: RangeSet = touched
      .filter((block) => block.epoch === epoch)
      .flatMap((block) => block.lanes.filter((one) => one.lane === lane))
      .sort((a, b) => a.from - b.from);
    const wanted = unfinished(fatesOf(opening.fates, epoch, lane), [{ from: 0, to: values.length }]);
    for (const range of wanted) {
      const read = await journal.read({ epoch, lane, ...range, maxRecords: 1e9, maxBytes: 1e9 });
      const unexcused = subtract(read.missing, excused);
      if (unexcused.length > 0) throw new Error(`${name}: missing ${JSON.stringify(unexcused)} of untouched blocks`);
      for (const { from, bytes } of read.parts) {
        readRecords(bytes).forEach(({ record: { value } }, at) => {
          if (value !== values[from + at])
            throw new Error(`${name}/${from + at} is ${value}, was ${values[from + at]}`);
        });
      }
      const given = read.parts.reduce((sum, { from, to }) => sum + to - from, 0);
      if (given + countOf(read.missing) !== range.to - range.from) {
        throw new Error(`${name}: ${given} read and ${countOf(read.missing)} missing of ${range.to - range.from}`);
      }
      all += countOf(read.missing);
    }
  }
  const lastIsGone = touched.some(({ isLast, file, kind }) => isLast && file === healthy.newest && kind === 'commit');
  for (const lane of LANES) {
    if (!lastIsGone && opening.enqueued[lane] !== healthy.enqueued[lane]) {
      throw new Error(`enqueued of lane ${lane}: ${opening.enqueued[lane]}, was ${healthy.enqueued[lane]}`);
    }
  }
  return all;
}
