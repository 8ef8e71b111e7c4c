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
  /** `finished` = a lane of which it has nothing left to say; undefined = nothing is known of it. */
  of(lane: NodeLaneKey): WholeWord | 'finished' | undefined;
}

export interface StatementBook {
  /** Takes a statement in that was taken down. */
  note(node: string, statement: CountStatement, atMs: number): void;
  latestOf(node: string): LatestWord | undefined;
}

/**
 * Keeps the latest whole count statement of each node, in memory: a node says it again within a minute or so. What has to
 * outlive the hub (counts up to a position, what was given up) is in its store.
 */
export function createStatementBook(): StatementBook {
  const words = new Map<string, LatestWord>();
  return {
    note(node, { lanes, whole }, atMs) {
      if (whole !== true) {
        words.delete(node); // an older release runs there by now
        return;
      }
      const byLane = new Map(
        lanes.map((lane): [string, WholeWord] => [
          nodeLaneKeyText(lane),
          { upTo: lane.upTo, delivered: lane.delivered, rest: lane.rest ?? {} },
        ]),
      );
      const complete = lanes.length < MAX_STATED_LANES;
      words.set(node, {
        atMs,
        of: (lane) => byLane.get(nodeLaneKeyText(lane)) ?? (complete ? 'finished' : undefined),
      });
    },
    latestOf: (node) => words.get(node),
  };
}
