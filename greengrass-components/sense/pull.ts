import type { JsonValue } from '../../core/filters/filter.ts';
import type { Epoch } from '../../core/identity.ts';
import type { NodePlan } from '../../core/node-plan.ts';
import type { Clock } from '../../core/ports.ts';
import { LANES, type Lane, priorityOf } from '../../core/priority.ts';
import type { AppendResult, Journal, JournalStatus } from '../../journal/journal-port.ts';
import type { LocalPart, LocalRequest, LocalResult } from '../../journal/local-reader.ts';
import { livingNotes, type PulledNote, pulledIn, withPlace } from '../../journal/pulled.ts';
import { createRecordWriter, readRecords } from '../../journal/record-codec.ts';
import { adopt, type CountChanges, type Counts, changesTo, DAMAGED, stateOf } from './counts.ts';
import type { SeriesTable } from './series.ts';

/** What an operator wants to have after all: fromTs ≤ time of the record < toTs, ms since 1970 UTC. */
export interface PullRequest {
  stream: string;
  /** @default all devices */
  device?: string | undefined;
  fromTs: number;
  toTs: number;
}

export type PullRefusal = 'no-such-stream' | 'busy' | 'too-many-pulls' | 'journal-full' | 'journal-failed';

export type PullResult =
  | {
      ok: true;
      /** Records that travel now. */
      pulled: number;
      /** Of those asked for: travel already, or did, by an earlier pull. */
      pulledBefore: number;
      /** Positions on the disk that cannot be read; whose they were is not known. */
      unreadable: number;
      /**
       * Records of the stream, of all devices, that were pushed off the disk before anybody asked, or are unreadable. Their
       * times are not known.
       */
      agedOut: number;
      /** Records of the stream, of all devices, that are still here and were not asked for. */
      stillLocal: number;
    }
  /** `pulled`: so many went through before. Asking again goes on with the rest. */
  | { ok: false; reason: PullRefusal; detail: string; pulled: number };

export interface Pull {
  run(request: PullRequest): Promise<PullResult>;
  /** Of the records that stay local on disk: those that were not pulled. */
  heldOf(status: Pick<JournalStatus, 'localHeld' | 'localSegments'>): number;
}

export interface PullPorts {
  journal: Journal;
  clock: Clock;
  /** Runs it while no other commit is under way. */
  between: <T>(errand: () => Promise<T>) => Promise<T>;
  enqueued: (lane: Lane, end: number, maxDelayMs: number) => void;
}

export interface PullContext {
  plan: NodePlan;
  epoch: Epoch;
  series: SeriesTable;
  /** The committed ones; changed here with each commit. */
  counts: Counts;
  notes: readonly PulledNote[];
}

const KEY = 'pulled';
/** Of all notes together: they are in each commit of a pull, and in the head of each segment. */
const MAX_NOTE_CHARACTERS = 64 * 1024;
const PAGE = { maxRecords: 5_000, maxBytes: 256 * 1024 };

/** The notes that the journal's state holds. */
export const pulledNotesIn = (state: Readonly<Record<string, JsonValue>>): PulledNote[] =>
  (state[KEY] ?? []) as unknown as PulledNote[];

/**
 * `headwater pull`: records that stayed local get positions in the lane of their stream and travel like all others. The
 * new records, the counters and the note of what was pulled are one commit: nothing is pulled twice, whatever dies when.
 */
export function createPull(ports: PullPorts, context: PullContext): Pull {
  const { journal, between } = ports;
  const { series, counts } = context;
  let notes = context.notes;
  let running = false;

  const pull = async (request: PullRequest, lane: Lane, wanted: readonly number[]): Promise<PullResult> => {
    const { stream, fromTs, toTs } = request;
    const counted = series.numbersOf(stream);
    const tally = { pulled: 0, pulledBefore: 0, unreadable: 0, stillLocal: 0 };
    const read = (after: LocalRequest['after']): Promise<LocalResult> =>
      journal.readLocal({ series: wanted, counted, fromTs, toTs, pulled: notes, after, ...PAGE });
    // Together, so that a reading which arrives meanwhile is not taken for one that has aged out.
    let [page, local] = await between(async () => {
      notes = livingNotes(notes, (await journal.status()).localSegments);
      return [await read(undefined), localOf(counts, stream)] as const;
    });
    for (;;) {
      const count = page.parts.reduce((sum, part) => sum + part.count, 0);
      if (count > 0) {
        const note = noteOf(notes, { series: wanted, fromTs, toTs }, page, count);
        if (JSON.stringify(note).length > MAX_NOTE_CHARACTERS) return tooManyPulls(tally.pulled);
        const current = page;
        const result = await between(() => commit(current.parts, { stream, lane, own: current.epoch, count, note }));
        if (!result.ok) return { ok: false, reason: result.reason, detail: result.detail, pulled: tally.pulled };
      }
      tally.pulled += count;
      tally.pulledBefore += page.pulledBefore;
      tally.unreadable += page.missing;
      tally.stillLocal += page.others;
      if (!page.next) break;
      page = await read(page.next);
    }
    return { ok: true, ...tally, agedOut: Math.max(0, local - tally.pulled - tally.stillLocal) };
  };

  const commit = async (
    parts: readonly LocalPart[],
    { stream, lane, own, count, note }: { stream: string; lane: Lane; own: Epoch; count: number; note: PulledNote[] },
  ): Promise<AppendResult> => {
    const { clock } = ports;
    const clockOffsetMs = clock.wallMs() - clock.monotonicMs();
    const bytes = rewritten(parts, own === context.epoch ? { clockOffsetMs, state: clock.state() } : undefined);
    const changes = changesTo(counts);
    moveToKept(changes, counts, { stream, lane, count });
    const state = { ...stateOf(changes.changed), [KEY]: note as unknown as JsonValue };
    const result = await journal.append({ lanes: [{ lane, count, bytes }], state, clockOffsetMs });
    if (!result.ok) return result;
    adopt(counts, changes);
    notes = note;
    for (const { first } of result.lanes) ports.enqueued(lane, first + count, 0);
    return result;
  };

  return {
    async run(request) {
      const wanted = series.numbersOf(request.stream, request.device);
      if (wanted.length === 0) return refuse('no-such-stream', detailOf(request));
      if (running) return refuse('busy', 'another pull is running: ask again when it has ended');
      running = true;
      try {
        return await pull(request, laneFor(context, request.stream), wanted);
      } finally {
        running = false;
      }
    },
    heldOf: ({ localHeld, localSegments }) => localHeld - pulledIn(notes, localSegments),
  };
}

const refuse = (reason: PullRefusal, detail: string, pulled = 0): PullResult => ({ ok: false, reason, detail, pulled });

const detailOf = ({ stream, device }: PullRequest): string =>
  `this node never had a stream "${stream}"${device === undefined ? '' : ` of a device "${device}"`}`;

const tooManyPulls = (pulled: number): PullResult =>
  refuse(
    'too-many-pulls',
    `what is remembered of earlier pulls is at its bound of ${MAX_NOTE_CHARACTERS} characters until the oldest local records have aged out: ask for longer times and all devices at once`,
    pulled,
  );

/** All notes, with the page in the one of this pull. */
function noteOf(
  notes: readonly PulledNote[],
  asked: Pick<PulledNote, 'series' | 'fromTs' | 'toTs'>,
  { segment, epoch, from, to }: LocalResult,
  count: number,
): PulledNote[] {
  const same = (note: PulledNote): boolean =>
    note.fromTs === asked.fromTs && note.toTs === asked.toTs && String(note.series) === String(asked.series);
  const own = notes.find(same) ?? { ...asked, places: [] };
  return [...notes.filter((note) => note !== own), withPlace(own, { segment, epoch, from, to, count })];
}

/**
 * The records as they travel. Of this opening, times from before the clock was synchronised are corrected by now; of an
 * earlier one nobody can, and an envelope could not tell: such a record is `uncertain`.
 */
function rewritten(
  parts: readonly LocalPart[],
  own: { clockOffsetMs: number; state: 'synced' | 'unsynced' } | undefined,
): Uint8Array {
  const writer = createRecordWriter();
  for (const { wallMs, monotonicMs, bytes } of parts) {
    const wrongByMs = own ? Math.round(own.clockOffsetMs - (wallMs - monotonicMs)) : 0;
    for (const { record } of readRecords(bytes)) {
      if (record.clock === 'synced') writer.push(record);
      else if (own) writer.push({ ...record, ts: record.ts + wrongByMs, clock: own.state });
      else writer.push({ ...record, quality: record.quality === 'good' ? 'uncertain' : record.quality });
    }
  }
  return writer.bytes();
}

/** The class that the fleet file gives the stream now; of one that it no longer has, the class it was counted under. */
function laneFor({ plan, counts }: PullContext, stream: string): Lane {
  const planned = plan.sources.flatMap(({ streams }) => streams).find(({ name }) => name === stream);
  return planned?.lane ?? LANES.find((lane) => localIn(counts, stream, lane) > 0) ?? 3;
}

const localIn = (counts: Counts, stream: string, lane: Lane): number =>
  counts.streams.get(`${stream}/${priorityOf(lane)}`)?.local ?? 0;

const localOf = (counts: Counts, stream: string): number =>
  LANES.reduce<number>((sum, lane) => sum + localIn(counts, stream, lane), 0);

/** Local becomes kept, whichever class it was counted under; what a damaged block lost of the counts is booked as such. */
function moveToKept(
  changes: CountChanges,
  counts: Counts,
  { stream, lane, count }: { stream: string; lane: Lane; count: number },
): void {
  changes.stream(stream, lane).kept += count;
  let rest = count;
  const others = LANES.filter((other) => other !== lane);
  for (const from of [lane, ...others]) {
    const moved = Math.min(rest, localIn(counts, stream, from));
    if (moved > 0) changes.stream(stream, from).local -= moved;
    rest -= moved;
  }
  if (rest > 0) changes.collected(DAMAGED, rest);
}
