import type { TrafficClass } from '../../core/flow.ts';
import { growOlder, markAge } from '../../core/forward/age.ts';
import { applyAnswer } from '../../core/forward/answers.ts';
import { NEW_METER } from '../../core/forward/budget.ts';
import { noteBuried, noteDisinterred } from '../../core/forward/dead-letters.ts';
import { nextEventAt, type PlannedBurial, planForward } from '../../core/forward/plan.ts';
import { gatherMs, noteClock, noteTraffic, waitToSend } from '../../core/forward/sends.ts';
import type { ForwardSettings } from '../../core/forward/settings.ts';
import {
  emptyLane,
  type LaneState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteMissing,
  noteOutcome,
  waitingIn,
} from '../../core/forward/state.ts';
import type { Outcome } from '../../core/lane-fates.ts';
import { newLatencySketch, noteLatency } from '../../core/latency-sketch.ts';
import { encodeQuestion } from '../../core/messages.ts';
import { LANES } from '../../core/priority.ts';
import { countOf } from '../../core/ranges.ts';
import type { JournalOpening } from '../../journal/journal-port.ts';
import { watchFarSide } from './far-side-watch.ts';
import type { Forwarder, ForwarderConfig, ForwarderPorts } from './forwarder.ts';
import { createHearing } from './hear.ts';
import { createLaneAccount, lanesAtOpening } from './lane-account.ts';
import { sayLastCounts } from './last-word.ts';
import { createLent } from './lent.ts';
import { createLinkNeed } from './link-need.ts';
import { createMeterNotes } from './meter-notes.ts';
import { createEnvelopeSender } from './send-envelope.ts';
import { createWaker } from './waker.ts';

export type { Forwarder, ForwarderConfig, ForwarderPorts, ForwardStatus } from './forwarder.ts';

const READ_RETRY_MS = 5_000;
const METER_EVERY_MS = 60_000;

/**
 * Plans what to send next and does it; a record is delivered when the far side says that it is stored, and in no
 * other way. Holds no records: they are read from the journal for each envelope.
 */
export function createForwarder(ports: ForwarderPorts, config: ForwarderConfig, opening: JournalOpening): Forwarder {
  const { journal, uplink, clock, random, logger } = ports;
  const current = LANES.map((lane) => emptyLane(opening.epoch, lane));
  const state = newForwardState([...lanesAtOpening(opening), ...current], opening.ageMs - clock.monotonicMs());
  const account = createLaneAccount(state, opening, logger);
  const lent = createLent(journal);
  let settings: ForwardSettings = config;
  const waker = createWaker(clock);
  const tendLink = createLinkNeed({ uplink, random }, state);
  const latency = newLatencySketch();
  const sender = createEnvelopeSender({ ...ports, lent, wake: waker.wake }, { config, epoch: opening.epoch, state });
  state.meter = opening.fates.meter ?? NEW_METER;
  const noteMeter = createMeterNotes(clock, state, (meter) => {
    settling = settling.then(() => journal.noteMeter(meter)).catch(nothing);
  });
  let stopping = false;
  /** Something critical came since the last plan: it is to be the next that leaves. */
  let overtaken = false;
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
  const hear = createHearing(logger, ports.onPull);
  uplink.onAnswer((payload) => {
    noteTraffic(state, payload.length, clock.monotonicMs());
    const answer = hear(payload);
    if (!answer) return;
    meet(answer.farSide);
    const now = clock.monotonicMs();
    const { outcomes, landed } = applyAnswer(state, answer, now, random.fraction(), settings);
    for (const { commits } of landed) {
      for (const { atMs, count } of commits) noteLatency(latency, now - atMs, count);
    }
    settle(outcomes);
    waker.wake();
  });

  const run = async (): Promise<void> => {
    while (!stopping) {
      readClock();
      overtaken = false;
      const plan = planForward(state, clock.monotonicMs(), random.fraction(), settings);
      settle(plan.outcomes);
      lent.giveBack();
      for (const { traffic, question } of plan.questions) {
        // Lost questions are asked again by their timers.
        say(traffic, encodeQuestion(question)).catch(nothing);
      }
      const unreadable = new Set<LaneState>();
      for (const send of plan.sends) {
        if (stopping || !state.link || state.far !== 'up') break;
        if (overtaken && send.lane.lane !== 0) break;
        if (unreadable.has(send.lane)) continue;
        // What the plan thought an envelope to weigh was a guess: the ones before it are weighed by now.
        const waitMs = waitToSend(state, send.lane, clock.monotonicMs(), settings);
        if (waitMs > 0) {
          plan.wakeAt = Math.min(plan.wakeAt, clock.monotonicMs() + waitMs);
          continue;
        }
        const failure = await sender.send(send, settings).then(nothing, messageOf);
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
      plan.wakeAt = Math.min(plan.wakeAt, nextEventAt(state), tendLink(clock.monotonicMs(), settings));
      account.retireFinished();
      noteMeter(settings.budget, METER_EVERY_MS);
      await waker.until(plan.wakeAt);
    }
  };

  const readClock = (): void =>
    noteClock(state, clock.monotonicMs(), { wallMs: clock.wallMs(), synced: clock.state() === 'synced' });

  const say = (traffic: TrafficClass, bytes: Uint8Array): Promise<void> => {
    noteTraffic(state, bytes.length, clock.monotonicMs());
    return uplink.send(traffic, bytes);
  };

  /** Copy first, then give up: a crash between leaves a copy that counts for nothing. */
  const bury = async ({ lane, ...letter }: PlannedBurial): Promise<void> => {
    const burial = await journal.bury({ ...letter, epoch: lane.epoch, lane: lane.lane });
    const { buried, missing, unkept, discarded } = burial;
    settle(noteBuried(lane, buried, unkept));
    enter(discarded, noteDisinterred);
    if (countOf(missing) === 0) return;
    noteMissing(lane, missing);
    waker.wake();
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
      noteEnqueued(current[lane]!, end, now + gatherMs(lane, maxDelayMs));
      overtaken ||= lane === 0;
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
    say: (message) => say('bulk', message),
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
      ...sender.figures,
      latency,
    }),
    async stop() {
      stopping = true;
      waker.wake();
      await running;
      readClock();
      await sayLastCounts(clock, state, settings, (message) => say('bulk', message));
      noteMeter(settings.budget, 0);
      await settling;
    },
  };
}

const nothing = (): undefined => undefined;
const messageOf = (error: Error): string => error.message;
