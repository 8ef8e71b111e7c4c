import { trafficClassOf } from '../../core/flow.ts';
import { applyAnswer } from '../../core/forward/answers.ts';
import { type ForwardLimits, type PlannedSend, planForward, statementOf, timeoutMs } from '../../core/forward/plan.ts';
import {
  dropFinishedLanes,
  emptyLane,
  type Flight,
  type ForwardState,
  groundFlights,
  inDoubtIn,
  type LaneState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteMissing,
  noteSent,
  recoveredLane,
  waitingIn,
} from '../../core/forward/state.ts';
import { fatesOf } from '../../core/lane-fates.ts';
import { type LatencySketch, newLatencySketch, noteLatency } from '../../core/latency-sketch.ts';
import type { LaneCounts } from '../../core/ledger.ts';
import { decodeAnswer, encodeQuestion } from '../../core/messages.ts';
import type { Clock, Logger, Random, Uplink } from '../../core/ports.ts';
import { LANES, type Lane, priorityOf } from '../../core/priority.ts';
import { countOf, covers } from '../../core/ranges.ts';
import type { Journal, JournalOpening } from '../../journal/journal-port.ts';
import { type PackedEnvelope, packEnvelope, type SeriesName } from './pack-envelope.ts';
import { createWaker } from './waker.ts';

export interface ForwarderPorts {
  journal: Journal;
  uplink: Uplink;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Device and stream of a series number of the journal. */
  seriesName: (series: number) => SeriesName;
}

export interface ForwarderConfig {
  node: string;
  site: string;
  limits: ForwardLimits;
}

export const DEFAULT_LIMITS: ForwardLimits = { maxFlights: 16, maxRecords: 2_000, statementEveryMs: 60_000 };
const READ_BYTES = 512 * 1024;
const READ_RETRY_MS = 5_000;
const LAST_WORD_MS = 2_000;

export interface ForwardStatus {
  connected: boolean;
  far: ForwardState['far'];
  farSide: string | undefined;
  lanes: LaneCounts[];
  envelopesSent: number;
  bytesSent: number;
  /** The records of the envelopes sent, as JSON. */
  jsonBytes: number;
  refusals: ForwardState['refusals'];
  latency: LatencySketch;
}

export interface Forwarder {
  start(): void;
  /** Records were committed up to `end`; they leave within `maxDelayMs`. */
  enqueued(lane: Lane, end: number, maxDelayMs: number): void;
  /** Everything that waits may leave now. */
  releaseAll(): void;
  /** Resolves when nothing waits any more, or after so many ms. */
  drain(withinMs: number): Promise<void>;
  status(): ForwardStatus;
  /** For checks only: the state itself. */
  readonly state: ForwardState;
  stop(): Promise<void>;
}

/**
 * Plans what to send next and does it; a record is delivered when the far side says that it is stored, and in no
 * other way. Holds no records: they are read from the journal for each envelope.
 */
export function createForwarder(ports: ForwarderPorts, config: ForwarderConfig, opening: JournalOpening): Forwarder {
  const { journal, uplink, clock, random, logger } = ports;
  const retired = opening.fates.retired.map(({ delivered, givenUp }) => ({ delivered, givenUp: { ...givenUp } }));
  const current = LANES.map((lane) => emptyLane(opening.epoch, lane));
  const old = opening.epochs.flatMap(({ epoch, lanes }) =>
    LANES.map((lane) => recoveredLane(epoch, lane, { ...lanes[lane]!, fates: fatesOf(opening.fates, epoch, lane) })),
  );
  const state = newForwardState([...old, ...current]);
  const waker = createWaker(clock);
  const figures = { envelopesSent: 0, bytesSent: 0, jsonBytes: 0, latency: newLatencySketch() };
  let farSide = opening.fates.farSide;
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  let settling: Promise<void> = Promise.resolve();

  for (const lane of LANES) reconcile(lane);

  /** If a damaged forward log lost fates of records that are long recycled, they were delivered: only then they go. */
  function reconcile(lane: Lane): void {
    const totals = retired[lane]!;
    const ends = old.reduce((sum, one) => sum + (one.lane === lane ? one.end : 0), 0);
    const lost = opening.enqueued[lane]! - ends - totals.delivered - totals.givenUp.damaged;
    if (lost <= 0 || opening.damages === 0) return;
    logger.warn(
      { lane: priorityOf(lane), records: lost },
      'forward: fates lost with a damaged block, taken as delivered',
    );
    totals.delivered += lost;
  }

  uplink.onLink((connected) => {
    noteLink(state, connected, clock.monotonicMs());
    waker.wake();
  });
  uplink.onAnswer((payload) => {
    const answer = decodeAnswer(payload);
    if (!answer.ok) {
      logger.warn({ detail: answer.detail }, 'forward: answer of the far side not understood');
      return;
    }
    if (answer.value.farSide !== farSide) meet(answer.value.farSide);
    const now = clock.monotonicMs();
    const { outcomes, landed } = applyAnswer(state, answer.value, now);
    for (const { commits } of landed) {
      for (const { atMs, count } of commits) noteLatency(figures.latency, now - atMs, count);
    }
    if (outcomes.length > 0) {
      settling = settling
        .then(() => journal.settle(outcomes))
        .catch((error: Error) => logger.error({ error: error.message }, 'forward: fates not noted'));
    }
    waker.wake();
  });

  /** Another id is another store: nothing is presumed known there. What it should have had must be seen to by people. */
  const meet = (id: string): void => {
    if (farSide !== undefined) {
      logger.error(
        { before: farSide, now: id },
        'forward: the far side has another store; what was delivered is not in it',
      );
      for (const lane of state.lanes) lane.givenUpStated = [];
    }
    farSide = id;
    settling = settling.then(() => journal.noteFarSide(id)).catch(nothing);
  };

  const retireFinished = (): void => {
    const before = state.lanes;
    dropFinishedLanes(state, opening.epoch);
    for (const gone of before) {
      if (state.lanes.includes(gone)) continue;
      retired[gone.lane]!.delivered += countOf(gone.fates.delivered);
      retired[gone.lane]!.givenUp.damaged += countOf(gone.fates.givenUp);
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping) {
      const plan = planForward(state, clock.monotonicMs(), random.fraction(), config.limits);
      for (const { traffic, question } of plan.questions) {
        // Lost questions are asked again by their timers.
        uplink.send(traffic, encodeQuestion(question)).catch(() => undefined);
      }
      const unreadable = new Set<LaneState>();
      for (const send of plan.sends) {
        if (stopping || !state.link || state.far !== 'up') break;
        if (unreadable.has(send.lane)) continue;
        const failure = await sendOne(send).then(nothing, messageOf);
        if (failure === undefined) continue;
        // The disk may read again later; nothing is given up because of it.
        logger.warn({ error: failure, retryMs: READ_RETRY_MS }, 'forward: records could not be read');
        plan.wakeAt = Math.min(plan.wakeAt, clock.monotonicMs() + READ_RETRY_MS);
        unreadable.add(send.lane);
      }
      retireFinished();
      await waker.until(plan.wakeAt);
    }
  };

  const sendOne = async ({ lane, from, to }: PlannedSend): Promise<void> => {
    const { maxRecords } = config.limits;
    const read = await journal.read({ epoch: lane.epoch, lane: lane.lane, from, to, maxRecords, maxBytes: READ_BYTES });
    if (countOf(read.missing) > 0) noteMissing(lane, read.missing);
    const own = lane.epoch === opening.epoch && clock.state() === 'synced';
    const clockOffsetMs = own ? clock.wallMs() - clock.monotonicMs() : undefined;
    const origin = { ...config, epoch: lane.epoch, lane: lane.lane, clockOffsetMs };
    const packed = packEnvelope(read, origin, ports.seriesName);
    // While the disk was read an answer may have come: what is not to be sent any more is not sent.
    if (packed && covers(lane.toSend, packed.range) && state.link) launch(lane, packed);
    else if (read.to < to || countOf(read.missing) > 0) waker.wake();
  };

  const launch = (lane: LaneState, packed: PackedEnvelope): void => {
    const sentAt = clock.monotonicMs();
    const flight: Flight = {
      ...packed.range,
      sentAt,
      timeoutAt: sentAt + timeoutMs(lane),
      commits: lane.epoch === opening.epoch ? packed.commits : [],
    };
    noteSent(lane, flight);
    figures.envelopesSent++;
    figures.bytesSent += packed.payload.length;
    figures.jsonBytes += packed.jsonBytes;
    uplink.send(trafficClassOf(lane.lane), packed.payload).catch(() => {
      groundFlights(
        lane,
        lane.flights.filter((candidate) => candidate === flight),
      );
      waker.wake();
    });
  };

  /** So that the far side's ledger does not stay a minute behind. If it is lost, the next start says it again. */
  const stateLastCounts = async (): Promise<void> => {
    const statement = statementOf(state);
    if (!statement || !state.link || state.far !== 'up') return;
    const sent = uplink.send('bulk', encodeQuestion(statement)).catch(() => undefined);
    await Promise.race([sent, new Promise<void>((resolve) => clock.after(LAST_WORD_MS, resolve))]);
  };

  const laneCounts = (lane: Lane): LaneCounts => {
    const own = state.lanes.filter((candidate) => candidate.lane === lane);
    const sum = (count: (one: LaneState) => number): number => own.reduce((total, one) => total + count(one), 0);
    return {
      priority: priorityOf(lane),
      enqueued: opening.enqueued[lane]! + current[lane]!.end,
      delivered: retired[lane]!.delivered + sum(({ fates }) => countOf(fates.delivered)),
      deadLettered: { damaged: retired[lane]!.givenUp.damaged + sum(({ fates }) => countOf(fates.givenUp)) },
      waiting: sum(waitingIn),
      inDoubt: sum(inDoubtIn),
    };
  };

  return {
    state,
    start() {
      running = run().catch((error: Error) => {
        // A bug or a dead journal: nothing can be sent any more, and the records stay where they are.
        logger.error({ error: error.message }, 'forward: stopped; restart the node');
      });
    },
    enqueued(lane, end, maxDelayMs) {
      noteEnqueued(current[lane]!, end, clock.monotonicMs() + maxDelayMs);
      waker.wakeBy(current[lane]!.dueAt!);
    },
    releaseAll() {
      for (const lane of state.lanes) lane.releasedTo = lane.end;
      waker.wake();
    },
    async drain(withinMs) {
      const end = clock.monotonicMs() + withinMs;
      while (state.lanes.some((lane) => waitingIn(lane) > 0) && clock.monotonicMs() < end) {
        await waker.nextTurn(end);
      }
    },
    status: () => ({
      connected: state.link,
      far: state.far,
      farSide: state.farSide,
      lanes: LANES.map(laneCounts),
      refusals: { ...state.refusals },
      ...figures,
    }),
    async stop() {
      stopping = true;
      waker.wake();
      await running;
      await settling;
      await stateLastCounts();
    },
  };
}

const nothing = (): undefined => undefined;
const messageOf = (error: Error): string => error.message;
