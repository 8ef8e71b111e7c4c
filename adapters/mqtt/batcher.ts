import { createFairQueue, type FairQueue } from '../../core/fair-queue.ts';
import type { TrafficClass } from '../../core/flow.ts';
import type { Logger } from '../../core/ports.ts';
import type { Ingest, IngestMessage, IngestResult } from '../../lambdas/ingest/env.ts';

export interface BatcherLimits {
  maxMessages: number;
  maxBytes: number;
  /** More than this waiting: bulk is not taken now. Critical may wait in a reserve of half as much again. */
  maxWaitingBytes: number;
}

const MIB = 1024 ** 2;
/** What a message costs beside its bytes: small ones are no free ride. */
const MESSAGE_BYTES = 512;
const LIMITS: BatcherLimits = { maxMessages: 200, maxBytes: 8 * MIB, maxWaitingBytes: 32 * MIB };

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
 * Group commit: what arrives while a batch is being ingested makes up the next one, critical first. So one node alone
 * is answered at once, and many share the cost of a commit. Where not all fits into the next one, each node gets an
 * equal part of it.
 */
export function createBatcher(
  ports: { ingest: Ingest; answer: (client: string, payload: Uint8Array) => void; logger: Logger },
  limits: BatcherLimits = LIMITS,
): Batcher {
  let queues = newQueues();
  let waitingBytes = 0;
  let closed = false;
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
      const { answers, failed, putAside } = await ingest(batch.map((waiting) => waiting.message));
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

  function take(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const queue of [queues.critical, queues.bulk]) {
      for (let next = queue.peek(); next; next = queue.peek()) {
        const grown = bytes + next.cost - MESSAGE_BYTES;
        if (batch.length > 0 && (batch.length === limits.maxMessages || grown > limits.maxBytes)) break;
        batch.push(queue.take()!.item);
        bytes = grown;
      }
    }
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
