import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore } from '../../adapters/memory/record-store.ts';
import { NO_BUDGET } from '../../core/budget-schema.ts';
import { isEnvelope, peekIdentity } from '../../core/envelope-codec.ts';
import type { TrafficClass } from '../../core/flow.ts';
import { DEFAULT_LIMITS, type ForwardSettings } from '../../core/forward/settings.ts';
import { PRODUCER } from '../../core/identity.ts';
import { type AnswerItem, encodeAnswers, type Refusal } from '../../core/messages.ts';
import type { Cancel, Clock } from '../../core/ports.ts';
import { type Lane, PRIORITY_CONTRACT } from '../../core/priority.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createForwarder, type Forwarder } from '../../greengrass-components/forward/forward.ts';
import type { NameOfSeries } from '../../greengrass-components/forward/pack-envelope.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { byteCodec } from './byte-codec.ts';
import { createFakeJournal } from './fake-journal.ts';

export const NODE = 'node-1';
/** `silent` = the link is well and nobody answers. A refusal is said to every envelope of that lane. */
export type FarMode = 'up' | 'silent' | { lane: Lane; refusal: Refusal };

export interface SentMessage {
  atMs: number;
  traffic: TrafficClass;
  payload: Uint8Array;
}

/** The real forwarder and ingest in virtual time, on a journal in memory. */
export async function createForwardRig(
  settings: Partial<ForwardSettings> = {},
  seriesName: NameOfSeries = () => ({ device: 'm-1', stream: 'temperature' }),
) {
  const clock = createVirtualTime();
  const journal = createFakeJournal(clock.monotonicMs);
  const store = createMemoryRecordStore('far-1');
  const logger = createMemoryLogger();
  const ingest = createIngest({
    store,
    codec: byteCodec,
    nowMs: clock.wallMs,
    logger,
    audit: createMemoryAudit(),
    mayCarry: () => true,
  });
  const random = createSeededRandom(7n);
  const sent: SentMessage[] = [];
  const wishes: { atMs: number; wanted: boolean }[] = [];
  let tellAnswer: (payload: Uint8Array) => void = () => undefined;
  let tellLink: (connected: boolean) => void = () => undefined;
  let connected = true;
  let mode: FarMode = 'up';
  let forwarder: Forwarder;

  const refusalOf = (payload: Uint8Array): AnswerItem | undefined => {
    if (typeof mode === 'string' || !isEnvelope(payload)) return undefined;
    const { epoch, lane, from, to } = peekIdentity(payload)!;
    if (lane !== mode.lane) return undefined;
    return { type: 'refused', producer: PRODUCER, epoch, lane, from, to, reason: mode.refusal };
  };
  const allSettings: ForwardSettings = {
    limits: DEFAULT_LIMITS,
    priorities: PRIORITY_CONTRACT,
    budget: NO_BUDGET,
    ...settings,
  };
  const start = async (): Promise<void> => {
    forwarder = createForwarder(
      {
        journal,
        clock,
        random,
        logger,
        codec: byteCodec,
        seriesName,
        uplink: {
          async send(traffic, payload) {
            if (!connected) throw new Error('not connected');
            sent.push({ atMs: clock.monotonicMs(), traffic, payload: payload.slice() });
            if (mode === 'silent') return;
            const refusal = refusalOf(payload);
            const answers = refusal
              ? encodeAnswers('far-1', [refusal])
              : (await ingest([{ client: NODE, payload: payload.slice() }])).answers.map((answer) => answer.payload);
            for (const answer of answers) tellAnswer(answer);
          },
          onAnswer: (listen) => {
            tellAnswer = listen;
          },
          onLink: (listen) => {
            tellLink = listen;
            listen(connected);
          },
          using: () => 'hub',
          wanted: (is) => {
            wishes.push({ atMs: clock.monotonicMs(), wanted: is });
            connected = is;
            tellLink(is);
          },
          close: async () => undefined,
        },
      },
      { node: NODE, site: 'site-1', ...allSettings },
      await journal.open(),
    );
    forwarder.start();
    await turn();
  };
  await start();

  return {
    journal,
    store,
    logger,
    settings: allSettings,
    sent,
    /** When a connection was wanted, or not any more; it is made and let go at once. */
    wishes,
    now: clock.monotonicMs,
    forwarder: () => forwarder,
    enqueue(lane: Lane, count = 1): void {
      forwarder.enqueued(lane, journal.enqueue(lane, count), 0);
    },
    setMode(next: FarMode): void {
      mode = next;
    },
    async setLink(up: boolean): Promise<void> {
      connected = up;
      tellLink(up);
      await turn();
    },
    runUntil: clock.runUntil,
    /** Sets the wall clock alone, by so many ms from what is right. */
    setWallAhead: clock.setWallAhead,
    /** The process dies and comes back; what was noted is on disk. */
    async restart(): Promise<void> {
      tellAnswer = () => undefined;
      clock.forget();
      await start();
    },
  };
}

/** Every promise job that an event set off has run when it resolves. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function createVirtualTime() {
  let now = 0;
  let wallAheadMs = 0;
  let timers: { at: number; run: () => void }[] = [];
  const after = (ms: number, run: () => void): Cancel => {
    const timer = { at: now + Math.max(0, ms), run };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const clock: Clock = {
    wallMs: () => Date.UTC(2026, 0, 1) + wallAheadMs + Math.floor(now),
    monotonicMs: () => now,
    state: () => 'synced',
    after,
  };
  return {
    ...clock,
    setWallAhead(ms: number): void {
      wallAheadMs = ms;
    },
    forget(): void {
      timers = [];
    },
    /** Runs everything that is due until then, in order. */
    async runUntil(ms: number): Promise<void> {
      await turn();
      for (;;) {
        const due = timers.reduce<(typeof timers)[number] | undefined>(
          (first, timer) => (timer.at <= ms && (first === undefined || timer.at < first.at) ? timer : first),
          undefined,
        );
        if (!due) break;
        timers = timers.filter((timer) => timer !== due);
        now = Math.max(now, due.at);
        due.run();
        await turn();
      }
      now = Math.max(now, ms);
    },
  };
}
