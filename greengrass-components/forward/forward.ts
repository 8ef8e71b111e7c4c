import { type TrafficClass, trafficClassOf } from '../../core/flow.ts';
import { growOlder, markAge } from '../../core/forward/age.ts';
import { applyAnswer } from '../../core/forward/answers.ts';
import { NEW_METER } from '../../core/forward/budget.ts';
import { noteBuried, noteDisinterred } from '../../core/forward/dead-letters.ts';
import { type PlannedBurial, planForward, statementOf, timeoutMs } from '../../core/forward/plan.ts';
import {
  gateOf,
  noteClock,
  noteEnvelope,
  noteTraffic,
  type PlannedSend,
  waitToSend,
} from '../../core/forward/sends.ts';
import { type ForwardSettings, readBytes } from '../../core/forward/settings.ts';
import {
  emptyLane,
  type Flight,
  groundFlights,
  type LaneState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteMissing,
  noteOutcome,
  noteSent,
  waitingIn,
} from '../../core/forward/state.ts';
import type { Outcome } from '../../core/lane-fates.ts';
import { newLatencySketch, noteLatency } from '../../core/latency-sketch.ts';
import { decodeAnswer, encodeQuestion, type Question } from '../../core/messages.ts';
import { LANES, priorityOf } from '../../core/priority.ts';
import { countOf, covers } from '../../core/ranges.ts';
import type { JournalOpening } from '../../journal/journal-port.ts';
import { watchFarSide } from './far-side-watch.ts';
import type { Forwarder, ForwarderConfig, ForwarderPorts } from './forwarder.ts';
import { createLaneAccount, lanesAtOpening } from './lane-account.ts';
import { type PackedEnvelope, packEnvelope } from './pack-envelope.ts';
import { createWaker } from './waker.ts';

export type { Forwarder, ForwarderConfig, ForwarderPorts, ForwardStatus } from './forwarder.ts';

const READ_RETRY_MS = 5_000;
const METER_EVERY_MS = 60_000;
const LAST_WORD_MS = 2_000;

/**
 * Plans what to send next and does it; a record is delivered when the far side says that it is stored, and in no
 * other way. Holds no records: they are read from the journal for each envelope.
 */
export function createForwarder(ports: ForwarderPorts, config: ForwarderConfig, opening: JournalOpening): Forwarder {
  const { journal, uplink, clock, random, logger } = ports;
  const current = LANES.map((lane) => emptyLane(opening.epoch, lane));
  const state = newForwardState([...lanesAtOpening(opening), ...current], opening.ageMs - clock.monotonicMs());
  const account = createLaneAccount(state, opening, logger);
  let settings: ForwardSettings = config;
  const waker = createWaker(clock);
  const figures = { envelopesSent: 0, bytesSent: 0, jsonBytes: 0, latency: newLatencySketch() };
  state.meter = opening.fates.meter ?? NEW_METER;
  let meterNoted = { meter: state.meter, atMs: Number.NEGATIVE_INFINITY };
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  let settling: Promise<void> = Promise.resolve();

  /** What the journal did by itself. */
  const enter = (outcomes: readonly Outcome[], note: (lane: LaneState, outcome: Outcome) => void): void => {
    for (const outcome of outcomes) {
      const lane = state.lanes.find(({ epoch, lane: number }) => epoch === outcome.epoch && number === outcome.lane);
      if (lane) note(lane, outcome);
    }
    waker.wake();
  };

  const settle = (outcomes: readonly Outcome[]): void => {
    if (outcomes.length === 0) return;
    settling = settling
      .then(() => journal.settle(outcomes))
      .catch((error: Error) => logger.error({ error: error.message }, 'forward: fates not noted'));
  };

  const meet = watchFarSide(
    {
      uplink,
      logger,
      retiredDelivered: account.retiredDelivered,
      note: (id, way) => {
        settling = settling.then(() => journal.noteFarSide(id, way)).catch(nothing);
      },
    },
    state,
    opening.fates,
  );
  uplink.onLink((connected) => {
    noteLink(state, connected, clock.monotonicMs());
    waker.wake();
  });
  uplink.onAnswer((payload) => {
    noteTraffic(state, payload.length, clock.monotonicMs());
    const answer = decodeAnswer(payload);
    if (!answer.ok) {
      logger.warn({ detail: answer.detail }, 'forward: answer of the far side not understood');
      return;
    }
    meet(answer.value.farSide);
    const now = clock.monotonicMs();
    const { outcomes, landed } = applyAnswer(state, answer.value, now, random.fraction(), settings);
    for (const { commits } of landed) {
      for (const { atMs, count } of commits) noteLatency(figures.latency, now - atMs, count);
    }
    settle(outcomes);
    waker.wake();
  });

  const run = async (): Promise<void> => {
    while (!stopping) {
      readClock();
      const plan = planForward(state, clock.monotonicMs(), random.fraction(), settings);
      settle(plan.outcomes);
      for (const { traffic, question } of plan.questions) {
        // Lost questions are asked again by their timers.
        say(traffic, question).catch(nothing);
      }
      const unreadable = new Set<LaneState>();
      for (const send of plan.sends) {
        if (stopping || !state.link || state.far !== 'up') break;
        if (unreadable.has(send.lane)) continue;
        // What the plan thought an envelope to weigh was a guess: the ones before it are weighed by now.
        const waitMs = waitToSend(state, send.lane, clock.monotonicMs(), settings);
        if (waitMs > 0) {
          plan.wakeAt = Math.min(plan.wakeAt, clock.monotonicMs() + waitMs);
          continue;
        }
        const failure = await sendOne(send).then(nothing, messageOf);
        if (failure === undefined) continue;
        // The disk may read again later; nothing is given up because of it.
        logger.warn({ error: failure, retryMs: READ_RETRY_MS }, 'forward: records could not be read');
        plan.wakeAt = Math.min(plan.wakeAt, clock.monotonicMs() + READ_RETRY_MS);
        unreadable.add(send.lane);
      }
      for (const letter of plan.deadLetters) {
        const failure = stopping ? undefined : await bury(letter).then(nothing, messageOf);
        if (failure === undefined) continue;
        logger.warn({ error: failure, retryMs: READ_RETRY_MS }, 'forward: dead letters not kept yet');
        plan.wakeAt = Math.min(plan.wakeAt, clock.monotonicMs() + READ_RETRY_MS);
        break;
      }
      account.retireFinished();
      noteMeter(METER_EVERY_MS);
      await waker.until(plan.wakeAt);
    }
  };

  const readClock = (): void =>
    noteClock(state, clock.monotonicMs(), { wallMs: clock.wallMs(), synced: clock.state() === 'synced' });

  const say = (traffic: TrafficClass, question: Question): Promise<void> => {
    const bytes = encodeQuestion(question);
    noteTraffic(state, bytes.length, clock.monotonicMs());
    return uplink.send(traffic, bytes);
  };

  /** A crash forgets what was metered since: a budget may be overrun by so much. */
  const noteMeter = (notOftenerThanMs: number): void => {
    const { perDay, perMonth } = settings.budget;
    const now = clock.monotonicMs();
    if ((perDay ?? perMonth) === undefined || state.meter === meterNoted.meter) return;
    if (now < meterNoted.atMs + notOftenerThanMs) return;
    meterNoted = { meter: state.meter, atMs: now };
    const { meter } = state;
    settling = settling.then(() => journal.noteMeter(meter)).catch(nothing);
  };

  /** Copy first, then give up: a crash between leaves a copy that counts for nothing. */
  const bury = async ({ lane, ...letter }: PlannedBurial): Promise<void> => {
    const { buried, missing } = await journal.bury({ ...letter, epoch: lane.epoch, lane: lane.lane });
    settle(noteBuried(lane, buried));
    if (countOf(missing) === 0) return;
    noteMissing(lane, missing);
    waker.wake();
  };

  const sendOne = async ({ lane, from, to }: PlannedSend): Promise<void> => {
    const { maxRecords } = settings.limits;
    const waitMs = timeoutMs(lane, { from, to }, random.fraction(), settings);
    const read = await journal.read({
      epoch: lane.epoch,
      lane: lane.lane,
      from,
      to,
      maxRecords,
      maxBytes: readBytes(settings.limits),
      leaseMs: waitMs,
    });
    if (countOf(read.missing) > 0) noteMissing(lane, read.missing);
    const own = lane.epoch === opening.epoch && clock.state() === 'synced';
    const clockOffsetMs = own ? clock.wallMs() - clock.monotonicMs() : undefined;
    const origin = { node: config.node, site: config.site, epoch: lane.epoch, lane: lane.lane, clockOffsetMs };
    const { compression } = settings.priorities[priorityOf(lane.lane)];
    const packed = packEnvelope(read, origin, ports.seriesName, { codec: ports.codec, compression });
    // While the disk was read an answer may have come: what is not to be sent any more is not sent.
    const sent = packed !== undefined && covers(lane.toSend, packed.range) && state.link;
    if (sent) launch(lane, packed, waitMs);
    // The rest is planned anew: an envelope ends at its bounds, at a hole, and where the journal stopped reading.
    if (sent ? packed.range.to < to : read.to < to || countOf(read.missing) > 0) waker.wake();
  };

  const launch = (lane: LaneState, packed: PackedEnvelope, waitMs: number): void => {
    const sentAt = clock.monotonicMs();
    const flight: Flight = {
      ...packed.range,
      sentAt,
      timeoutAt: sentAt + waitMs,
      bytes: packed.payload.length,
      commits: lane.epoch === opening.epoch ? packed.commits : [],
    };
    noteSent(lane, flight);
    noteEnvelope(state, lane, flight, flight.bytes, sentAt);
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
    readClock();
    const { others } = gateOf(state, clock.monotonicMs(), settings);
    if (!statement || !state.link || state.far !== 'up' || !others) return;
    const sent = say('bulk', statement).catch(nothing);
    await Promise.race([sent, new Promise<void>((resolve) => clock.after(LAST_WORD_MS, resolve))]);
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
      const now = clock.monotonicMs();
      noteEnqueued(current[lane]!, end, now + maxDelayMs);
      markAge(state, current[lane]!, now, settings);
      waker.wakeBy(current[lane]!.dueAt!);
    },
    evicted: (outcomes) => enter(outcomes, noteOutcome),
    disinterred: (outcomes) => enter(outcomes, noteDisinterred),
    aged(byMs) {
      growOlder(state, byMs);
      waker.wake();
    },
    configure(next) {
      settings = next;
      waker.wake();
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
      uplink: uplink.using(),
      lanes: LANES.map(account.countsOf),
      refusals: { ...state.refusals },
      meter: state.meter,
      closed: state.gate?.closed,
      ...figures,
    }),
    async stop() {
      stopping = true;
      waker.wake();
      await running;
      await stateLastCounts();
      noteMeter(0);
      await settling;
    },
  };
}

const nothing = (): undefined => undefined;
const messageOf = (error: Error): string => error.message;
