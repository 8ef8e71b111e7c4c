import { show } from '../reading.ts';

/** A topic with places for device and stream, such as `plant/{device}/{stream}`. */
export interface TopicPattern {
  readonly levels: readonly string[];
  readonly hasStream: boolean;
}

export interface TopicParts {
  device: string;
  /** Undefined if the pattern has no place for it. */
  stream: string | undefined;
}

const DEVICE = '{device}';
const STREAM = '{stream}';
const isPlace = (level: string): boolean => level === DEVICE || level === STREAM;
/** The broker's library refuses deeper topics. */
const MAX_LEVELS = 100;

/** The pattern, or what is wrong with it. */
export function parseTopicPattern(text: string): { ok: true; pattern: TopicPattern } | { ok: false; detail: string } {
  const levels = text.split('/');
  const places = (place: string): number => levels.filter((level) => level === place).length;
  const wrong = levels.find((level) => !isPlace(level) && /[{}+#\0]/.test(level));
  if (wrong !== undefined) {
    return { ok: false, detail: `level ${show(wrong)}: allowed are ${DEVICE}, ${STREAM}, and words without { } + #` };
  }
  if (text.startsWith('$')) return { ok: false, detail: 'topics that begin with $ are not for devices' };
  if (levels.length > MAX_LEVELS) return { ok: false, detail: `${levels.length} levels, allowed ${MAX_LEVELS}` };
  if (places(DEVICE) !== 1) return { ok: false, detail: `${DEVICE} is there ${places(DEVICE)} times, expected once` };
  if (places(STREAM) > 1) return { ok: false, detail: `${STREAM} is there ${places(STREAM)} times, allowed once` };
  return { ok: true, pattern: { levels, hasStream: places(STREAM) === 1 } };
}

/** What stands at the places of the pattern; undefined = the topic is none of this pattern. */
export function matchTopic({ levels }: TopicPattern, topic: string): TopicParts | undefined {
  const given = topic.split('/');
  if (given.length !== levels.length) return undefined;
  const parts: TopicParts = { device: '', stream: undefined };
  for (const [at, level] of levels.entries()) {
    const word = given[at]!;
    if (level === DEVICE) parts.device = word;
    else if (level === STREAM) parts.stream = word;
    else if (level !== word) return undefined;
  }
  return parts;
}

/** Whether some topic matches both. */
export function topicsOverlap(one: TopicPattern, other: TopicPattern): boolean {
  if (one.levels.length !== other.levels.length) return false;
  return one.levels.every((level, at) => isPlace(level) || isPlace(other.levels[at]!) || level === other.levels[at]);
}

/** Whether both have the same places at the same levels, so that a topic means the same to both. */
export const isSamePattern = (one: TopicPattern, other: TopicPattern): boolean =>
  one.levels.join('/') === other.levels.join('/');
