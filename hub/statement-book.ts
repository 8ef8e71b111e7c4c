import { type NodeLaneKey, nodeLaneKeyText } from '../core/identity.ts';
import { type CountStatement, MAX_STATED_LANES, type RestOfLane } from '../core/messages.ts';

/** What a node said of one lane, all of it. */
export interface WholeWord {
  upTo: number;
  delivered: number;
  rest: RestOfLane;
}

/** What a node said last of everything it still has, since the hub's start. */
export interface LatestWord {
  atMs: number;
  /** Records of the lanes that it has finished with and names no more, all together. */
  forgotten: number;
  /**
   * `gone` = a lane that it names no more: it has finished with it, or it has lost its journal. `perhaps-gone` = not
   * named either, but the statement that left it out may be an old one; undefined = nothing is known of it.
   */
  of(lane: NodeLaneKey): WholeWord | 'gone' | 'perhaps-gone' | undefined;
}

export interface StatementBook {
  /** Takes a statement in that was taken down. */
  note(node: string, statement: CountStatement, atMs: number): void;
  latestOf(node: string): LatestWord | undefined;
}

type Words = ReadonlyMap<string, WholeWord>;
interface Page {
  words: Words;
  /** Lanes that may have been left out by an old statement only; `all` = the first statement since the hub's start. */
  doubted: ReadonlySet<string> | 'all';
  latest: LatestWord;
}

/**
 * Keeps the latest whole count statement of each node, in memory: a node says it again within a minute or so. What has to
 * outlive the hub (counts up to a position, what was given up) is in its store.
 *
 * Statements may come twice, and late. Counts only grow, so one with a lower count is old and passed over; one that says
 * nothing new may be old, and what it leaves out is not gone for sure.
 */
export function createStatementBook(): StatementBook {
  const pages = new Map<string, Page>();
  return {
    note(node, { lanes, whole, forgotten = 0 }, atMs) {
      if (whole !== true) {
        pages.delete(node); // an older release runs there by now
        return;
      }
      const words: Words = new Map(
        lanes.map((lane): [string, WholeWord] => [
          nodeLaneKeyText(lane),
          { upTo: lane.upTo, delivered: lane.delivered, rest: lane.rest ?? {} },
        ]),
      );
      const before = pages.get(node);
      const age = before ? ageAfter(before.words, words) : 'perhaps-old';
      if (age === 'old') return;
      const doubted = age === 'new' ? new Set<string>() : doubtedAfter(before, words);
      const complete = lanes.length < MAX_STATED_LANES;
      const of = (lane: NodeLaneKey): ReturnType<LatestWord['of']> => {
        const name = nodeLaneKeyText(lane);
        const word = words.get(name);
        if (word !== undefined || !complete) return word;
        return doubted === 'all' || doubted.has(name) ? 'perhaps-gone' : 'gone';
      };
      pages.set(node, { words, doubted, latest: { atMs, forgotten, of } });
    },
    latestOf: (node) => pages.get(node)?.latest,
  };
}

function ageAfter(before: Words, words: Words): 'new' | 'perhaps-old' | 'old' {
  const changes = [...words].map(([name, { upTo }]) => upTo - (before.get(name)?.upTo ?? -1));
  if (changes.some((change) => change > 0)) return 'new';
  return changes.some((change) => change < 0) ? 'old' : 'perhaps-old';
}

function doubtedAfter(before: Page | undefined, words: Words): Page['doubted'] {
  if (before === undefined || before.doubted === 'all') return 'all';
  return new Set([...before.doubted, ...[...before.words.keys()].filter((name) => !words.has(name))]);
}
