import { liveRanges } from '../../core/envelope.ts';
import { type Hash64, laneKeyText } from '../../core/identity.ts';
import { type AnswerItem, encodeAnswers } from '../../core/messages.ts';
import { intersect } from '../../core/ranges.ts';
import { createToldOnce } from '../../core/told-once.ts';
import type { Ingest, IngestMessage, IngestOutcome, IngestPorts, IngestResult } from './env.ts';
import { type AsideMessage, type OpenedMessage, type OtherMessage, openMessage } from './open-message.ts';
import { lanesOf, planBatch, type Readable, type ReadLane, type Reply, rangeText, refusal } from './plan-batch.ts';

/** Another writer can win a lane so many times before the batch is left to its queue. */
const MAX_CONFLICTS = 5;
const MAX_BATCH_TRIES = 2;
/** A start makes one epoch of at most four lanes: a start an hour for a year, with room to spare. */
const MAX_LANES_OF_NODE = 40_000;

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
  const isNews = createToldOnce();

  return async (messages) => {
    try {
      return await ingest(messages);
    } catch (error) {
      logger.error({ err: error, messages: messages.length }, 'ingest failed');
      return { answers: [], failed: messages.map((_, at) => at), outcomes: messages.map(() => 'failed') };
    }
  };

  async function ingest(messages: readonly IngestMessage[]): Promise<IngestResult> {
    const tasks = messages.map((message, at): Task => ({ at, message, opened: openMessage(message, ports) }));
    const fates: Fates = new Array(messages.length);
    await takeIn(tasks.filter(isReadable), fates);
    for (const { at, message, opened } of tasks) {
      if (opened.kind === 'aside') fates[at] = refuse(opened);
      else if (opened.kind === 'other') fates[at] = passOn(message, opened);
      else if (fates[at] !== 'failed' && opened.kind === 'question' && opened.question.type === 'counts') {
        ports.stated?.(opened.node, opened.question);
      }
    }
    const aside = await putAside(tasks, fates);
    for (const task of tasks) ports.observe?.(eventOf(task, fates[task.at]!));
    return {
      answers: answersOf(tasks, fates),
      failed: tasks.filter(({ at }) => fates[at] === 'failed').map(({ at }) => at),
      ...(aside.length > 0 && { putAside: aside }),
      outcomes: fates.map(outcomeOf),
    };
  }

  function passOn(message: IngestMessage, { node, type }: OtherMessage): Reply {
    if (!ports.other?.(message) && isNews(type)) {
      logger.info({ node, type }, 'message of a kind that this release does not know, passed over');
    }
    return { outcome: 'other', items: [] };
  }

  /** The whole batch at once; if that keeps failing one by one, so that a bad message cannot hold the others. */
  async function takeIn(tasks: readonly Task<Readable>[], fates: Fates): Promise<void> {
    if (tasks.length === 0) return;
    const together = await tryTimes(MAX_BATCH_TRIES, tasks);
    for (const [index, task] of tasks.entries()) {
      const alone = together === 'threw' && tasks.length > 1;
      const replies = alone ? await tryTimes(1, [task], true) : together;
      fates[task.at] = typeof replies === 'string' ? 'failed' : replies[alone ? 0 : index]!;
    }
  }

  /** @param again whether it was tried before */
  async function tryTimes(
    times: number,
    tasks: readonly Task<Readable>[],
    again = false,
  ): Promise<Reply[] | 'conflict' | 'threw'> {
    let triedBefore = again;
    for (let left = times; left > 0; left--) {
      try {
        const replies = await commitTogether(tasks.map((task) => task.opened));
        return triedBefore && replies !== 'conflict' ? replies.map(asOwn) : replies;
      } catch (error) {
        triedBefore = true;
        logger.error({ err: error, messages: tasks.length, triesLeft: left - 1 }, 'store did not take a batch');
      }
    }
    return 'threw';
  }

  async function commitTogether(opened: readonly Readable[]): Promise<Reply[] | 'conflict'> {
    const keys = lanesOf(opened);
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      const indexes = await store.readLanes(keys);
      const lanes = await limitLanes(keys.map((key, index) => ({ key, index: indexes[index]! })));
      const plan = planBatch(opened, lanes, await readHashes(opened, lanes), ports.nowMs());
      if (plan.change === undefined || (await store.commit(plan.change)) === 'committed') return plan.replies;
    }
    logger.warn({ messages: opened.length, attempts: MAX_CONFLICTS }, 'other writers kept winning the lanes');
    return 'conflict';
  }

  /** Marks the new lanes that their node has no room for any more. */
  async function limitLanes(lanes: readonly ReadLane[]): Promise<ReadLane[]> {
    const room = new Map<string, number>();
    const limited: ReadLane[] = [];
    for (const lane of lanes) {
      const { node } = lane.key;
      if (lane.index.version > 0) {
        limited.push(lane);
        continue;
      }
      const left = room.get(node) ?? MAX_LANES_OF_NODE - (await store.laneCount(node));
      room.set(node, left - 1);
      limited.push({ ...lane, tooMany: left <= 0 });
    }
    return limited;
  }

  /** Read after the lanes, so that a hash is never older than the range it stands for; only replays need one. */
  async function readHashes(opened: readonly Readable[], lanes: readonly ReadLane[]): Promise<Map<string, Hash64>> {
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

  /** Keeps what can never be taken, all at once. If not even that works the senders must not hear of a refusal yet. */
  async function putAside(tasks: readonly Task[], fates: Fates): Promise<number[]> {
    const kept = tasks.flatMap(({ at, message, opened }) => {
      const why = opened.kind === 'aside' ? opened : conflictOf(opened, fates[at]!);
      if (why === undefined) return [];
      const { reason, detail } = why;
      return [{ at, node: nodeOf(opened), poison: { ...message, reason, detail, atMs: ports.nowMs() } }];
    });
    if (kept.length === 0) return [];
    try {
      await store.putAside(kept.map(({ poison }) => poison));
    } catch (error) {
      logger.error({ err: error, messages: kept.length }, 'messages could not be put aside');
      for (const { at } of kept) fates[at] = 'failed';
      return [];
    }
    // One line and one entry of a kind: a flood must not fill the log.
    const kinds = new Map<string, { first: (typeof kept)[number]; messages: number }>();
    for (const one of kept) {
      const name = `${one.poison.client}\n${one.poison.reason}\n${one.node}`;
      kinds.set(name, { first: kinds.get(name)?.first ?? one, messages: (kinds.get(name)?.messages ?? 0) + 1 });
    }
    for (const { first, messages } of kinds.values()) {
      const { client, reason, detail, payload } = first.poison;
      logger.warn({ client, reason, detail, bytes: payload.length, messages }, 'message refused and put aside');
      if (reason !== 'not-allowed' && reason !== 'identity-conflict') continue;
      ports.audit.record({
        actor: client,
        action: 'deliver',
        target: first.node ?? client,
        outcome: 'refused',
        reason,
      });
    }
    return kept.map(({ at }) => at);
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

const isReadable = (task: Task): task is Task<Readable> =>
  task.opened.kind === 'envelope' || task.opened.kind === 'question';

/** A try that threw may have stored it all the same: what is known then is new to whoever is told of what was stored. */
const asOwn = (reply: Reply): Reply => (reply.outcome === 'known' ? { ...reply, outcome: 'stored' } : reply);

const refuse = ({ reason, identity }: AsideMessage): Reply => ({
  outcome: reason,
  items: identity === undefined ? [] : [refusal(identity, reason)],
});

function conflictOf(
  opened: OpenedMessage,
  fate: Reply | 'failed',
): Pick<AsideMessage, 'reason' | 'detail'> | undefined {
  if (fate === 'failed' || fate.outcome !== 'identity-conflict' || opened.kind !== 'envelope') return undefined;
  const { header } = opened.envelope;
  return {
    reason: 'identity-conflict',
    detail: `${rangeText(header)} is stored with another hash than ${header.hash}`,
  };
}

function nodeOf(opened: OpenedMessage): string | undefined {
  if (opened.kind === 'envelope') return opened.envelope.header.node;
  return opened.kind === 'aside' ? opened.identity?.node : opened.node;
}

const outcomeOf = (fate: Reply | 'failed'): IngestOutcome => (fate === 'failed' ? 'failed' : fate.outcome);

function eventOf({ message, opened }: Task, fate: Reply | 'failed') {
  const envelope = opened.kind === 'envelope' ? opened.envelope : undefined;
  return {
    client: message.client,
    node: nodeOf(opened),
    lane: opened.kind === 'aside' ? opened.identity?.lane : envelope?.header.lane,
    outcome: outcomeOf(fate),
    records: envelope?.records.length ?? 0,
    bytes: message.payload.length,
  };
}
