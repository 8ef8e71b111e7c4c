import { liveRanges } from '../../core/envelope.ts';
import { type Hash64, laneKeyText } from '../../core/identity.ts';
import { type AnswerItem, encodeAnswers } from '../../core/messages.ts';
import { intersect } from '../../core/ranges.ts';
import type { Ingest, IngestMessage, IngestOutcome, IngestPorts, IngestResult } from './env.ts';
import { type AsideMessage, type OpenedMessage, openMessage } from './open-message.ts';
import { lanesOf, planBatch, type Readable, type Reply, rangeText, refusal } from './plan-batch.ts';

/** Another writer can win a lane so many times before the batch is left to its queue. */
const MAX_CONFLICTS = 5;
const MAX_BATCH_TRIES = 2;

/** A message on its way through: its place in the batch, and what it is. */
interface Task<Opened extends OpenedMessage = OpenedMessage> {
  at: number;
  message: IngestMessage;
  opened: Opened;
}
type Fates = (Reply | 'failed')[];

/**
 * The far side's way in: batch of messages → store → answers. One consistent read, one judgement of all, one commit;
 * only then is anything acknowledged, and what was refused is put aside before its refusal is sent. Whatever throws
 * becomes `failed`: the message comes again, and everything here can be repeated.
 */
export function createIngest(ports: IngestPorts): Ingest {
  const { store, logger } = ports;

  return async (messages) => {
    try {
      return await ingest(messages);
    } catch (error) {
      logger.error({ err: error, messages: messages.length }, 'ingest failed');
      return { answers: [], failed: messages.map((_, at) => at) };
    }
  };

  async function ingest(messages: readonly IngestMessage[]): Promise<IngestResult> {
    const tasks = messages.map((message, at): Task => ({ at, message, opened: openMessage(message, ports.mayCarry) }));
    const fates: Fates = new Array(messages.length);
    await takeIn(tasks.filter(isReadable), fates);
    for (const task of tasks) if (task.opened.kind === 'aside') fates[task.at] = refuse(task.opened);
    for (const task of tasks) await putAside(task, fates);
    for (const task of tasks) ports.observe?.(eventOf(task, fates[task.at]!));
    return {
      answers: answersOf(tasks, fates),
      failed: tasks.filter(({ at }) => fates[at] === 'failed').map(({ at }) => at),
    };
  }

  /** The whole batch at once; if that keeps failing one by one, so that a bad message cannot hold the others. */
  async function takeIn(tasks: readonly Task<Readable>[], fates: Fates): Promise<void> {
    if (tasks.length === 0) return;
    const together = await tryTimes(MAX_BATCH_TRIES, tasks);
    for (const [index, task] of tasks.entries()) {
      const alone = together === 'threw' && tasks.length > 1;
      const replies = alone ? await tryTimes(1, [task]) : together;
      fates[task.at] = typeof replies === 'string' ? 'failed' : replies[alone ? 0 : index]!;
    }
  }

  async function tryTimes(times: number, tasks: readonly Task<Readable>[]): Promise<Reply[] | 'conflict' | 'threw'> {
    for (let left = times; left > 0; left--) {
      try {
        return await commitTogether(tasks.map((task) => task.opened));
      } catch (error) {
        logger.error({ err: error, messages: tasks.length, triesLeft: left - 1 }, 'store did not take a batch');
      }
    }
    return 'threw';
  }

  async function commitTogether(opened: readonly Readable[]): Promise<Reply[] | 'conflict'> {
    const keys = lanesOf(opened);
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      const indexes = await store.readLanes(keys);
      const lanes = keys.map((key, index) => ({ key, index: indexes[index]! }));
      const plan = planBatch(opened, lanes, await readHashes(opened, lanes), ports.nowMs());
      if (plan.change === undefined || (await store.commit(plan.change)) === 'committed') return plan.replies;
    }
    logger.warn({ messages: opened.length, attempts: MAX_CONFLICTS }, 'other writers kept winning the lanes');
    return 'conflict';
  }

  /** Read after the lanes, so that a hash is never older than the range it stands for; only replays need one. */
  async function readHashes(
    opened: readonly Readable[],
    lanes: readonly Parameters<typeof planBatch>[1][number][],
  ): Promise<Map<string, Hash64>> {
    const byLane = new Map(lanes.map(({ key, index }) => [laneKeyText(key), index]));
    const replays = opened.flatMap((message) => {
      if (message.kind !== 'envelope') return [];
      const { header } = message.envelope;
      return intersect(liveRanges(header), byLane.get(laneKeyText(header))!.stored).length > 0 ? [header] : [];
    });
    if (replays.length === 0) return new Map();
    const found = await store.findHashes(replays.map((header) => ({ key: header, from: header.from, to: header.to })));
    return new Map(replays.flatMap((header, at) => (found[at] === undefined ? [] : [[rangeText(header), found[at]]])));
  }

  /** Keeps what can never be taken. If not even that works the sender must not hear of a refusal yet. */
  async function putAside({ at, message, opened }: Task, fates: Fates): Promise<void> {
    const fate = fates[at]!;
    const kept = opened.kind === 'aside' ? opened : conflictOf(opened, fate);
    if (kept === undefined) return;
    const { reason, detail } = kept;
    const { client, payload } = message;
    try {
      await store.putAside({ client, reason, detail, payload, atMs: ports.nowMs() });
    } catch (error) {
      logger.error({ err: error, client, reason }, 'message could not be put aside');
      fates[at] = 'failed';
      return;
    }
    logger.warn({ client, reason, detail, bytes: payload.length }, 'message refused and put aside');
    if (reason === 'not-allowed' || reason === 'identity-conflict') {
      const target = nodeOf(opened) ?? client;
      ports.audit.record({ actor: client, action: 'deliver', target, outcome: 'refused', reason });
    }
  }

  /** Answers speak of one node each: producers and epochs are named within it. */
  function answersOf(tasks: readonly Task[], fates: Fates): IngestResult['answers'] {
    const groups = new Map<string, { client: string; items: AnswerItem[] }>();
    for (const { at, message, opened } of tasks) {
      const fate = fates[at]!;
      const node = nodeOf(opened);
      if (fate === 'failed' || fate.items.length === 0 || node === undefined) continue;
      const name = `${message.client}\n${node}`;
      const group = groups.get(name) ?? { client: message.client, items: [] };
      groups.set(name, group);
      group.items.push(...fate.items);
    }
    return [...groups.values()].flatMap(({ client, items }) =>
      encodeAnswers(store.id, items).map((payload) => ({ client, payload })),
    );
  }
}

const isReadable = (task: Task): task is Task<Readable> => task.opened.kind !== 'aside';

const refuse = ({ reason, identity }: AsideMessage): Reply => ({
  outcome: reason,
  items: identity === undefined ? [] : [refusal(identity, reason)],
});

function conflictOf(opened: Readable, fate: Reply | 'failed'): Pick<AsideMessage, 'reason' | 'detail'> | undefined {
  if (fate === 'failed' || fate.outcome !== 'identity-conflict' || opened.kind !== 'envelope') return undefined;
  const { header } = opened.envelope;
  return {
    reason: 'identity-conflict',
    detail: `${rangeText(header)} is stored with another hash than ${header.hash}`,
  };
}

function nodeOf(opened: OpenedMessage): string | undefined {
  if (opened.kind === 'envelope') return opened.envelope.header.node;
  return opened.kind === 'question' ? opened.node : opened.identity?.node;
}

function eventOf({ message, opened }: Task, fate: Reply | 'failed') {
  const outcome: IngestOutcome = fate === 'failed' ? 'failed' : fate.outcome;
  const envelope = opened.kind === 'envelope' ? opened.envelope : undefined;
  return {
    client: message.client,
    node: nodeOf(opened),
    lane: opened.kind === 'aside' ? opened.identity?.lane : envelope?.header.lane,
    outcome,
    records: envelope?.records.length ?? 0,
    bytes: message.payload.length,
  };
}
