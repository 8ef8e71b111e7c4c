import { createFairQueue, type FairQueue } from '../../core/fair-queue.ts';
import type { TrafficClass } from '../../core/flow.ts';
import type { Clock, Logger } from '../../core/ports.ts';
import type { Ingest, IngestMessage, IngestResult } from '../../lambdas/ingest/env.ts';

export interface BatcherLimits {
  maxMessages: number;
  maxBytes: number;
  /** About so long may a batch take, ms: what is critical waits for no more than the one that is under way. */
  maxMs: number;
  /** More than this waiting: bulk is not taken now. Critical may wait in a reserve of half as much again. */
  maxWaitingBytes: number;
}

const MIB = 1024 ** 2;
/** What a message costs beside its bytes: small ones are no free ride. */
const MESSAGE_BYTES = 512;
const LIMITS: BatcherLimits = { maxMessages: 200, maxBytes: 8 * MIB, maxMs: 100, maxWaitingBytes: 32 * MIB };
/** What the first batch may hold: how long a byte takes is known only after it. */
const FIRST_BYTES = 8 * 1024;
/** However slow the store is: less than this in a batch, and most of its time would go into the commit itself. */
const LEAST_BYTES = 4 * 1024;

/** `ingested` = taken or refused; `put-aside` = it can never be taken; `not-now` = it is to be delivered again. */
export type MessageFate = 'ingested' | 'put-aside' | 'not-now';

export interface Batcher {
  /** `settle` is called once, after the answers of the message's batch went out; never after `close`. */
  offer(traffic: TrafficClass, message: IngestMessage, settle: (fate: MessageFate) => void): void;
  /** Takes nothing more, forgets what waits (its nodes send it again) and finishes the batch in flight. */
  close(): Promise<void>;
}

interface Waiting {
  message: IngestMessage;
  settle: (fate: MessageFate) => void;
}

/**
 * Group commit: what arrives while a batch is being ingested makes up the next one. So one node alone is answered at
 * once, and many share the cost of a commit. Where not all fits into the next one, each node gets an equal part of it.
 *
 * What is critical overtakes: it is ingested by itself, before any bulk that waits. Only the batch after that may hold
 * both, or a stream of critical messages would keep all others out.
 */
export function createBatcher(
  ports: { ingest: Ingest; answer: (client: string, payload: Uint8Array) => void; logger: Logger; clock: Clock },
  limits: BatcherLimits = LIMITS,
): Batcher {
  let queues = newQueues();
  let waitingBytes = 0;
  let closed = false;
  /** What of bulk, costs included, takes about `maxMs`. */
  let room = FIRST_BYTES;
  const mostRoom = limits.maxBytes + limits.maxMessages * MESSAGE_BYTES;
  let overtaken = false;
  let inFlight: Promise<void> | undefined;

  function offer(traffic: TrafficClass, message: IngestMessage, settle: (fate: MessageFate) => void): void {
    if (closed) return;
    const allowed = traffic === 'critical' ? limits.maxWaitingBytes * 1.5 : limits.maxWaitingBytes;
    if (waitingBytes + message.payload.length > allowed) {
      settle('not-now');
      return;
    }
    waitingBytes += message.payload.length;
    queues[traffic].push(message.client, message.payload.length + MESSAGE_BYTES, { message, settle });
    inFlight ??= run();
  }

  async function run(): Promise<void> {
    // Whatever other sockets have ready in this turn of the event loop comes along.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batch = take(); batch.length > 0; batch = take()) {
      const begunMs = ports.clock.monotonicMs();
      const { answers, failed, putAside } = await ingest(batch.map((waiting) => waiting.message));
      learn(batch, ports.clock.monotonicMs() - begunMs);
      // Answers first: who sees its message settled may already have been answered.
      for (const { client, payload } of answers) ports.answer(client, payload);
      const notNow = new Set(failed);
      const aside = new Set(putAside);
      batch.forEach(({ settle }, index) => {
        settle(notNow.has(index) ? 'not-now' : aside.has(index) ? 'put-aside' : 'ingested');
      });
    }
    inFlight = undefined;
  }

  async function ingest(messages: readonly IngestMessage[]): Promise<IngestResult> {
    try {
      return await ports.ingest(messages);
    } catch (error) {
      // Against its contract; the nodes send again, but the bug must be seen.
      ports.logger.error({ err: error, messages: messages.length }, 'ingest rejected, which it never should');
      return { answers: [], failed: [...messages.keys()] };
    }
  }

  /** How much the store takes in the time that a batch may take. */
  function learn(batch: readonly Waiting[], tookMs: number): void {
    const cost = batch.reduce((sum, { message }) => sum + message.payload.length + MESSAGE_BYTES, 0);
    // A batch that was small for want of messages says nothing of what more of them would cost.
    if (tookMs <= limits.maxMs && cost < room / 2) return;
    const fitted = cost * Math.min(2, limits.maxMs / tookMs);
    room = Math.min(mostRoom, Math.max(LEAST_BYTES, fitted));
  }

  function take(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    /** The first of a queue always goes, if a batch may be so large at all. */
    const fill = (queue: FairQueue<Waiting>, share: number, most: number): void => {
      let cost = 0;
      for (let next = queue.peek(); next; next = queue.peek()) {
        const grown = bytes + next.cost - MESSAGE_BYTES;
        const full = batch.length >= limits.maxMessages * share || grown > limits.maxBytes * share;
        if (batch.length > 0 && (full || (cost > 0 && cost + next.cost > most))) break;
        batch.push(queue.take()!.item);
        bytes = grown;
        cost += next.cost;
      }
    };
    const alone = !overtaken || queues.bulk.size === 0;
    fill(queues.critical, alone ? 1 : 0.5, Number.POSITIVE_INFINITY);
    overtaken = alone && batch.length > 0;
    if (!overtaken) fill(queues.bulk, 1, room);
    waitingBytes -= bytes;
    return batch;
  }

  async function close(): Promise<void> {
    closed = true;
    queues = newQueues();
    waitingBytes = 0;
    await inFlight;
  }

  return { offer, close };
}

const newQueues = (): Record<TrafficClass, FairQueue<Waiting>> => ({
  critical: createFairQueue(),
  bulk: createFairQueue(),
});
