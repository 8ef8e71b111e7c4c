import { applyStatement, judge, knownOf } from '../../core/coverage.ts';
import { type Envelope, type EnvelopeHeader, liveRanges, positionsOf } from '../../core/envelope.ts';
import { type Hash64, type LaneKey, laneKeyText } from '../../core/identity.ts';
import {
  type AnswerItem,
  type CountStatement,
  MAX_KNOWN_RANGES,
  type Refusal,
  type StatusQuestion,
} from '../../core/messages.ts';
import type { LaneIndex, StatedLane, StoreChange, StoredEnvelope } from '../../core/ports.ts';
import { addRanges, covers, type Range, rangeSetOf, sameRanges } from '../../core/ranges.ts';
import type { IngestOutcome } from './env.ts';
import type { EnvelopeMessage, QuestionMessage } from './open-message.ts';

/** What is to be said about one message once the change is durable. */
export interface Reply {
  outcome: Exclude<IngestOutcome, 'failed'>;
  items: AnswerItem[];
}

export interface BatchPlan {
  /** Undefined if nothing changes: then there is nothing to wait for. */
  change: StoreChange | undefined;
  /** One for each message, in order. */
  replies: Reply[];
}

export type Readable = EnvelopeMessage | QuestionMessage;

/** The lanes that a batch touches, each once. */
export function lanesOf(messages: readonly Readable[]): LaneKey[] {
  const keys = new Map<string, LaneKey>();
  for (const message of messages) {
    const lanes =
      message.kind === 'envelope'
        ? [message.envelope.header]
        : message.question.lanes.map((lane) => ({ ...lane, node: message.node }));
    for (const { node, producer, epoch, lane } of lanes) {
      const key = { node, producer, epoch, lane };
      keys.set(laneKeyText(key), key);
    }
  }
  return [...keys.values()];
}

/** A lane as it was read. */
export interface ReadLane {
  key: LaneKey;
  index: LaneIndex;
  /** The node has named so many lanes that this new one has no room (MAX_LANES_OF_NODE). */
  tooMany?: boolean;
}

/** A lane as it will be once the messages judged so far are stored. */
interface TentativeLane extends ReadLane {
  changed: boolean;
}

/**
 * Judges the messages one after the other, each against what the ones before leave behind: two envelopes of one batch
 * may overlap. Status questions are answered from the final state.
 *
 * @param lanes as read for `lanesOf(messages)`
 * @param hashes by `rangeText`, for ranges that were stored before
 */
export function planBatch(
  messages: readonly Readable[],
  lanes: readonly ReadLane[],
  hashes: ReadonlyMap<string, Hash64>,
  nowMs: number,
): BatchPlan {
  const tentative = new Map(
    lanes.map((lane): [string, TentativeLane] => [laneKeyText(lane.key), { ...lane, changed: false }]),
  );
  const laneOf = (key: LaneKey): TentativeLane => tentative.get(laneKeyText(key))!;
  const knownHashes = new Map(hashes);
  const envelopes: StoredEnvelope[] = [];
  const added: StoreChange['hashes'][number][] = [];
  const statements = new Map<string, StatedLane>();

  const replies = messages.map((message): Reply | undefined => {
    if (message.kind === 'envelope') {
      const { header } = message.envelope;
      const reply = judgeEnvelope(laneOf(header), message.envelope, knownHashes.get(rangeText(header)));
      if (reply.outcome === 'stored' && message.envelope.records.length > 0) {
        const { node, producer, epoch, lane, from, to, hash } = header;
        knownHashes.set(rangeText(header), hash);
        added.push({ key: { node, producer, epoch, lane }, from, to, hash });
        envelopes.push({ ...message.envelope, positions: [...positionsOf(header)] });
      }
      return reply;
    }
    return message.question.type === 'counts'
      ? takeDown(message.node, message.question, laneOf, statements)
      : undefined;
  });

  const changed = [...tentative.values()].filter((lane) => lane.changed);
  return {
    replies: replies.map((reply, at) => reply ?? answerStatus(messages[at] as QuestionMessage, laneOf)),
    change:
      changed.length + statements.size === 0
        ? undefined
        : {
            lanes: changed.map(({ key, index }) => ({
              key,
              expectedVersion: index.version,
              stored: index.stored,
              givenUp: index.givenUp,
            })),
            hashes: added,
            envelopes,
            statements: [...statements.values()],
            storedAtMs: nowMs,
          },
  };
}

export const rangeText = (range: LaneKey & Range): string => `${laneKeyText(range)}/${range.from}/${range.to}`;

/** A refusal by name. */
export function refusal(identity: LaneKey & Range, reason: Refusal, known?: readonly Range[]): AnswerItem {
  const { producer, epoch, lane, from, to } = identity;
  return { type: 'refused', producer, epoch, lane, from, to, reason, ...(known && { known: [...known] }) };
}

function judgeEnvelope(lane: TentativeLane, { header }: Envelope, knownHash: Hash64 | undefined): Reply {
  if (lane.tooMany) return { outcome: 'too-many-epochs', items: [refusal(header, 'too-many-epochs')] };
  const verdict = judge(lane.index, header, knownHash);
  switch (verdict.outcome) {
    case 'store':
      adopt(lane, verdict);
      return { outcome: 'stored', items: acknowledgement(header) };
    case 'known':
      return { outcome: 'known', items: acknowledgement(header) };
    case 'overlap':
      return { outcome: 'overlap', items: [refusal(header, 'overlap', verdict.known.slice(0, MAX_KNOWN_RANGES))] };
    case 'identity-conflict':
    case 'too-fragmented':
      return { outcome: verdict.outcome, items: [refusal(header, verdict.outcome)] };
  }
}

/** Names the live positions only: what the node gave up is never called stored. Nothing live, nothing to say. */
function acknowledgement(header: EnvelopeHeader): AnswerItem[] {
  const ranges = [...liveRanges(header)];
  const { producer, epoch, lane } = header;
  return ranges.length === 0 ? [] : [{ type: 'stored', producer, epoch, lane, ranges }];
}

function takeDown(
  node: string,
  statement: CountStatement,
  laneOf: (key: LaneKey) => TentativeLane,
  statements: Map<string, StatedLane>,
): Reply {
  const { forgotten } = statement;
  const taken = statement.lanes.filter((stated) => !laneOf({ ...stated, node }).tooMany);
  const items = taken.map(({ producer, epoch, lane, upTo, delivered, givenUp }): AnswerItem => {
    const key = { node, producer, epoch, lane };
    const tentative = laneOf(key);
    adopt(tentative, { stored: tentative.index.stored, givenUp: applyStatement(tentative.index, { givenUp }) });
    const earlier = statements.get(laneKeyText(key));
    // Messages may overtake each other; counts only grow.
    if (earlier === undefined || upTo >= earlier.upTo) {
      statements.set(laneKeyText(key), { key, upTo, delivered, ...(forgotten !== undefined && { forgotten }) });
    }
    // Only what was taken down: the rest is stated again.
    const known = addRanges(tentative.index.givenUp, tentative.index.stored);
    return { type: 'counted', producer, epoch, lane, upTo, givenUp: givenUp.filter((range) => covers(known, range)) };
  });
  return { outcome: taken.length < statement.lanes.length ? 'too-many-epochs' : 'counted', items };
}

function answerStatus({ node, question }: QuestionMessage, laneOf: (key: LaneKey) => TentativeLane): Reply {
  const items = (question as StatusQuestion).lanes.map(({ producer, epoch, lane, ranges }): AnswerItem => {
    const { index } = laneOf({ node, producer, epoch, lane });
    const { asked, known } = knownOf(index, rangeSetOf(ranges), MAX_KNOWN_RANGES);
    return { type: 'status', producer, epoch, lane, asked: [...asked], known: [...known] };
  });
  return { outcome: 'status', items };
}

function adopt(lane: TentativeLane, { stored, givenUp }: Pick<LaneIndex, 'stored' | 'givenUp'>): void {
  if (sameRanges(stored, lane.index.stored) && sameRanges(givenUp, lane.index.givenUp)) return;
  lane.index = { ...lane.index, stored, givenUp };
  lane.changed = true;
}
