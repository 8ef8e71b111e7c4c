import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { peekIdentity } from '../../core/envelope-codec.ts';
import { topicOf } from '../../core/flow.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ItemTable } from '../../core/item-table.ts';
import { encodeAnswers } from '../../core/messages.ts';
import type { Clock } from '../../core/ports.ts';
import { createAttempts } from './attempts.ts';
import type { Notice } from './critical-notices.ts';
import type { IngestMessage, IngestOutcome, IngestPorts, IngestResult } from './env.ts';
import { createIngest } from './handler.ts';
import { refusal } from './plan-batch.ts';
import { readRuleMessage } from './rule-message.ts';
import { createTeller } from './tell-critical.ts';

export interface QueueBatchPorts extends IngestPorts {
  table: ItemTable;
  after: Clock['after'];
  /** Resolves once the broker took the message. */
  publish: (topic: string, payload: Uint8Array) => Promise<void>;
  /** Tells people and systems of critical records; undefined = this queue has none. */
  notify?: (notice: Notice) => Promise<void>;
}

/**
 * Handles one batch of the queue that a topic rule fills. What it names in its response comes again.
 *
 * @param remainingMs until the function is ended
 */
export type QueueBatch = (event: SQSEvent, remainingMs: () => number) => Promise<SQSBatchResponse>;

/** From this receive on a message is handled alone, so that it can harm itself only. */
const ALONE_FROM_RECEIVE = 5;
/** From this receive on a message may be judged to end whatever handles it … */
const JUDGED_FROM_RECEIVE = 20;
/** … which so many attempts without an end prove: one could be a note that was not erased. */
const DEADLY_ATTEMPTS = 3;
/** Left for erasing the note of an attempt, and for the response. */
const RESERVE_MS = 5_000;
const END_MS = 3_000;
const MAX_REQUESTS_AT_ONCE = 16;
/** In place of a client's name, where there is none; no thing has this name. */
const NO_CLIENT = '?';

interface Delivery {
  id: string;
  receives: number;
  body: string;
  /** Undefined if no rule of ours wrote the body. */
  message: IngestMessage | undefined;
}
type Readable = Delivery & { message: IngestMessage };
type Ids = readonly string[];

/**
 * @param fleet name that notices say
 * @example
 * const handle = createQueueBatch(ports, 'small-factory');
 * const { batchItemFailures } = await handle(event, () => context.getRemainingTimeInMillis());
 */
export function createQueueBatch(ports: QueueBatchPorts, fleet: string): QueueBatch {
  const { store, logger } = ports;
  const ingest = createIngest(ports);
  const attempts = createAttempts(ports.table, ports.nowMs);
  const tell = createTeller(ports, fleet);

  return async (event, remainingMs) => {
    const deliveries = event.Records.map(readDelivery);
    const together = deliveries.filter(({ receives }) => receives < ALONE_FROM_RECEIVE);
    // Those that others dragged along come before the one that drags.
    const alone = deliveries.filter((delivery) => !together.includes(delivery)).sort((a, b) => a.receives - b.receives);
    const failed = together.length > 0 ? [...(await inTime(together, remainingMs, () => handle(together)))] : [];
    for (const delivery of alone) failed.push(...(await handleAlone(delivery, remainingMs)));
    logger.info({ messages: deliveries.length, alone: alone.length, failed: failed.length }, 'batch handled');
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };

  /** Ends before the function is ended: an attempt that only waited for something must not look like one that died. */
  async function inTime(group: readonly Delivery[], remainingMs: () => number, work: () => Promise<Ids>): Promise<Ids> {
    const ids = group.map(({ id }) => id);
    const timeMs = remainingMs() - RESERVE_MS;
    if (timeMs <= 0) return ids;
    const failed = await within(timeMs, work());
    if (failed !== 'late') return failed;
    logger.warn({ messages: ids.length, timeMs }, 'no time left; the messages come again');
    return ids;
  }

  /** What takes longer is left to itself: here everything can be repeated. */
  async function within<T>(timeMs: number, work: Promise<T>): Promise<T | 'late'> {
    let cancel = (): void => {};
    const late = new Promise<'late'>((resolve) => {
      cancel = ports.after(timeMs, () => resolve('late'));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }

  async function handleAlone(delivery: Delivery, remainingMs: () => number): Promise<Ids> {
    const { id, receives } = delivery;
    if (receives >= JUDGED_FROM_RECEIVE) {
      const begun = await unfinished(delivery);
      if (begun === undefined) return [id];
      if (begun >= DEADLY_ATTEMPTS) return condemn(delivery, begun);
    }
    if (remainingMs() <= RESERVE_MS) return [id];
    const failed = await inTime([delivery], remainingMs, () => noteAndHandle(delivery));
    await endAttempt(delivery);
    return failed;
  }

  async function unfinished({ id, receives }: Delivery): Promise<number | undefined> {
    try {
      return await attempts.unfinished(id);
    } catch (error) {
      logger.error({ err: error, message: id, receives }, 'attempts not read; the message comes again');
      return undefined;
    }
  }

  async function noteAndHandle(delivery: Delivery): Promise<Ids> {
    const { id, receives } = delivery;
    try {
      await attempts.begin(id);
    } catch (error) {
      logger.error({ err: error, message: id, receives }, 'attempt not noted; the message comes again');
      return [id];
    }
    return handle([delivery]);
  }

  async function endAttempt({ id, receives }: Delivery): Promise<void> {
    try {
      if ((await within(END_MS, attempts.end(id))) === 'late') throw new Error(`no answer within ${END_MS} ms`);
    } catch (error) {
      // It takes several notes to condemn a message, and they go by themselves.
      logger.warn({ err: error, message: id, receives }, 'note of an attempt not erased');
    }
  }

  /** Never throws: what fails comes again, and everything here can be repeated. */
  async function handle(group: readonly Delivery[]): Promise<Ids> {
    const failed = new Set<string>();
    const fail = (deliveries: readonly Delivery[]) => deliveries.forEach(({ id }) => void failed.add(id));
    const readable = group.filter((delivery): delivery is Readable => delivery.message !== undefined);
    const unreadable = group.filter(({ message }) => message === undefined);
    if (!(await putAside(unreadable, 'undecodable', 'the body is not what the topic rule writes'))) fail(unreadable);

    const result = await ingest(readable.map(({ message }) => message));
    fail(result.failed.map((at) => readable[at]!));
    const unanswered = await answer(result.answers);
    fail(readable.filter(({ message }) => unanswered.has(message.client)));
    // Last, and only what is stored: a notice that fails leaves the acknowledgement as it is.
    const toTell = readable.filter(({ receives }, at) => isToTell(receives, result.outcomes?.[at]));
    const untold = await tell(toTell.map(({ message }) => message.payload));
    fail(untold.map((at) => toTell[at]!));
    return [...failed];
  }

  /** The clients that could not be answered. */
  async function answer(answers: IngestResult['answers']): Promise<Set<string>> {
    const unanswered = new Set<string>();
    await inParallel(MAX_REQUESTS_AT_ONCE, answers, async ({ client, payload }) => {
      try {
        await ports.publish(topicOf('answer', client), payload);
      } catch (error) {
        logger.error({ err: error, client }, 'answer not published; its messages come again');
        unanswered.add(client);
      }
    });
    return unanswered;
  }

  async function condemn(delivery: Delivery, begun: number): Promise<Ids> {
    const { id, receives, message } = delivery;
    const detail = `${begun} attempts in a row ended with their process, received ${receives} times`;
    const client = message?.client ?? NO_CLIENT;
    if (!(await putAside([delivery], 'kills-handler', detail))) return [id];
    const identity = message && peekIdentity(message.payload);
    if (identity !== undefined && ports.mayCarry(client, identity.node)) {
      const [payload] = encodeAnswers(store.id, [refusal(identity, 'kills-handler')]);
      if ((await answer([{ client, payload: payload! }])).size > 0) return [id];
    }
    await endAttempt(delivery);
    return [];
  }

  async function putAside(
    deliveries: readonly Delivery[],
    reason: 'undecodable' | 'kills-handler',
    detail: string,
  ): Promise<boolean> {
    if (deliveries.length === 0) return true;
    try {
      await store.putAside(
        deliveries.map(({ message, body }) => ({
          ...(message ?? { client: NO_CLIENT, payload: Buffer.from(body) }),
          reason,
          detail,
          atMs: ports.nowMs(),
        })),
      );
    } catch (error) {
      logger.error({ err: error, messages: deliveries.length }, 'messages could not be put aside');
      return false;
    }
    const clients = [...new Set(deliveries.map(({ message }) => message?.client ?? NO_CLIENT))];
    logger.error({ reason, detail, clients, messages: deliveries.length }, 'messages of the queue put aside');
    for (const client of clients) {
      ports.audit.record({ actor: client, action: 'deliver', target: client, outcome: 'refused', reason });
    }
    return true;
  }
}

/** What was known at its first receive is a resend: whoever stored it tells it. Later, that one may have died. */
const isToTell = (receives: number, outcome: IngestOutcome | undefined): boolean =>
  outcome === 'stored' || (outcome === 'known' && receives > 1);

const readDelivery = ({ messageId, body, attributes }: SQSRecord): Delivery => ({
  id: messageId,
  receives: Number(attributes.ApproximateReceiveCount),
  body,
  message: readRuleMessage(body),
});
