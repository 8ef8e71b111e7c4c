import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import type { KeyRing } from '../../core/key-ring.ts';
import type { Outcome } from '../../core/lane-fates.ts';
import type { Disk, Random } from '../../core/ports.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import type { Journal } from '../../journal/journal-port.ts';
import { createRecordWriter } from '../../journal/record-codec.ts';
import { record } from '../contracts/journal.ts';
import type { KnownCommit, Note } from './known.ts';
import { createNotingKeyRing } from './noting-key-ring.ts';
import { createRecordingDisk, type DiskEvent } from './recording-disk.ts';

/** Small, so that segments are rolled, recycled and evicted within a few hundred calls. */
export const QUOTAS = {
  /** Old segments become spares, and new ones are begun on them. */
  roomy: 480 * 1024,
  /** Records are pushed out. */
  tight: 160 * 1024,
  /** Many short lives that deliver next to nothing: what waits in eight segments or more is carried on together. */
  restless: 480 * 1024,
};
export type QuotaName = keyof typeof QUOTAS;
const LIVES = { roomy: 3, tight: 4, restless: 14 };
const STEPS = { roomy: 130, tight: 45, restless: 3 };
/** Records of one class in a commit, at most. */
const MOST = { roomy: 150, tight: 150, restless: 15 };
/** How often a commit has records of each lane. What stays local is not merged. */
const USUAL = [0.15, 0.2, 0.5, 0.7, 0.1];
const CHANCE = { roomy: USUAL, tight: USUAL, restless: [0.15, 0.2, 0.5, 1, 0] };
/** So many segments went at one opening: what waited in them was merged. */
const MERGED = 8;

export const journalOn = (disk: Disk, keys: KeyRing, random: Random, quota: QuotaName): Journal =>
  createJournal(
    { disk, keys, random, clock: createManualClock(), logger: createMemoryLogger() },
    { producer: 'sense', maxBytes: QUOTAS[quota], localBytes: 8 * 1024 },
  );

export function commitFrom({ lanes, state }: KnownCommit): Parameters<Journal['append']>[0] {
  return {
    lanes: lanes.map(({ lane, values }) => {
      const writer = createRecordWriter();
      for (const value of values) writer.push(record(7, value));
      return { lane, count: values.length, bytes: writer.bytes() };
    }),
    state: { counter: state },
    clockOffsetMs: 0,
  };
}

export interface RecordedRun {
  events: readonly DiskEvent<Note>[];
  /** How often what was meant to happen did. */
  happened: Record<
    'commits' | 'records' | 'evicted' | 'delivered' | 'rotated' | 'spares' | 'recycled' | 'merged',
    number
  >;
}

/**
 * A journal at work on this disk, several lives long: commits of all classes, deliveries in and out of order, a quota
 * that pushes records out, new keys, ends with and without a close. Each call is written down.
 */
export async function recordJournal(disk: Disk, seed: bigint, quota: QuotaName): Promise<RecordedRun> {
  const random = createSeededRandom(seed);
  const recording = createRecordingDisk<Note>(disk);
  const keys = createNotingKeyRing([1], (change) => recording.note({ is: 'keys', ...change }));
  const happened = { commits: 0, records: 0, evicted: 0, delivered: 0, rotated: 0, spares: 0, recycled: 0, merged: 0 };
  const upTo = (count: number): number => Math.floor(random.fraction() * count);
  /** Not taken down by the far side yet. */
  const evicted: Outcome[] = [];
  let next = 0;

  for (let life = 0; life < LIVES[quota]; life++) {
    const journal = journalOn(recording, keys, random, quota);
    const before = recording.events.length;
    const { epoch } = await journal.open();
    if (recording.events.slice(before).filter(isSegmentGone).length >= MERGED) happened.merged++;
    recording.note({ is: 'opened', epoch });
    const ends = [0, 0, 0, 0, 0];
    const settled = [0, 0, 0, 0];
    /** Every other life with little room nothing but critical is delivered: the quota is reached. */
    const deliversAll = quota === 'roomy' || (quota === 'tight' && life % 2 === 0);
    if (deliversAll) await journal.settle(evicted.splice(0).map((outcome) => ({ ...outcome, fate: 'stated' })));

    const append = async (): Promise<void> => {
      const lanes = ([0, 1, 2, 3, 4] as const)
        .filter((lane) => random.fraction() < CHANCE[quota][lane]!)
        .map((lane) => ({
          lane,
          values: Array.from({ length: 1 + upTo(Math.min(lane < 2 ? 20 : 150, MOST[quota])) }, () => next++),
        }));
      const commit = { lanes, state: next };
      recording.note({ is: 'appending', commit });
      const result = await journal.append(commitFrom(commit));
      recording.note({ is: 'appended', ok: result.ok, evicted: result.evicted });
      evicted.push(...result.evicted);
      if (!result.ok) return;
      for (const { lane, values } of lanes) ends[lane]! += values.length;
      happened.commits++;
      happened.records += lanes.reduce((sum, { values }) => sum + values.length, 0);
      happened.evicted += result.evicted.reduce((sum, { from, to }) => sum + to - from, 0);
    };
    const settle = async (): Promise<void> => {
      const outcomes = ([0, 1, 2, 3] as const).flatMap((lane): Outcome[] => {
        const from = settled[lane]! + (random.fraction() < 0.1 ? upTo(5) : 0);
        const to = Math.min(ends[lane]!, from + upTo(400));
        if (to <= from || (lane > 0 && !deliversAll)) return [];
        if (from === settled[lane]) settled[lane] = to; // a hole that was left is not filled in this life
        return [{ epoch, lane, from, to, fate: 'delivered' }];
      });
      if (outcomes.length === 0) return;
      recording.note({ is: 'settling', outcomes });
      await journal.settle(outcomes);
      happened.delivered += outcomes.reduce((sum, { from, to }) => sum + to - from, 0);
    };

    for (let step = 0; step < STEPS[quota]; step++) {
      // Each restless life leaves something behind.
      const kind = quota === 'restless' && step === 0 ? 0 : random.fraction();
      if (kind < 0.62) await append();
      else if (kind < 0.92) await settle();
      else if (kind < 0.95) await journal.noteFarSide(`far-side-${life}`, 'hub');
      else {
        await journal.rotateKeys();
        happened.rotated++;
      }
    }
    await recording.idle();
    if (life % 3 === 0) await journal.close(); // else as if it had been killed
  }
  for (const event of recording.events) {
    if (event.do !== 'rename') continue;
    if (event.from.startsWith('spare-')) happened.spares++;
    else happened.recycled++;
  }
  return { events: recording.events, happened };
}

const isSegmentGone = (event: DiskEvent<Note>): boolean =>
  (event.do === 'remove' && event.name.startsWith('records-')) ||
  (event.do === 'rename' && event.from.startsWith('records-'));
