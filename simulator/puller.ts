import type { PullRequest, PullResult } from '../greengrass-components/sense/pull.ts';
import { LOCAL_LANE } from '../journal/commit-codec.ts';
import type { Journal } from '../journal/journal-port.ts';
import type { ModelRecord } from './model-state.ts';
import type { NodeModel } from './node-model.ts';
import { isAskedFor } from './pull-decision.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { World } from './world.ts';

/** An operator who pulls what stayed local on one machine, and checks what comes of it. */
export interface Puller {
  /** What is being pulled now. */
  asked(): PullRequest | undefined;
  /** The journal, whose answers to a pull are noted. */
  watch(journal: Journal): Journal;
  /** Resolves when there is an answer, of whatever kind; never if the process dies before. */
  pull(request: PullRequest): Promise<void>;
  /** The process died. */
  crash(): void;
}

/** As it was when the pull began, and no commit was under way. */
interface Before {
  local: number;
  segments: ReadonlySet<number>;
  /** Of the stream, and never pulled. */
  locals: readonly ModelRecord[];
}

/** @param exact no counter was ever lost with a damaged block */
export function createPuller(world: World, node: VirtualNode, model: NodeModel, exact: () => boolean): Puller {
  let asked: PullRequest | undefined;
  let before: Before | undefined;
  let segmentsSeen: ReadonlySet<number> = new Set();
  let statusOf: Journal['status'] = () => Promise.reject(new Error('no process'));

  const fail = (invariant: string, detail: string): void =>
    world.fail(invariant, `${node.plan.node}: pull of ${asked?.stream}: ${detail}`);

  const unpulled = (stream: string): ModelRecord[] =>
    [...model.locals().values()].filter((one) => one.reading.stream === stream && !one.pulled);

  const watch = (journal: Journal): Journal => {
    statusOf = journal.status;
    return {
      ...journal,
      async status() {
        const status = await journal.status();
        segmentsSeen = new Set(status.localSegments);
        return status;
      },
      readLocal(request) {
        if (asked && request.after === undefined) {
          before = {
            local: model.localCount(asked.stream),
            segments: segmentsSeen,
            locals: unpulled(asked.stream),
          };
        }
        return journal.readLocal(request);
      },
    };
  };

  const check = (request: PullRequest, result: PullResult, segments: ReadonlySet<number>): void => {
    if (!before) return;
    const { local, locals, segments: then } = before;
    const pulled = locals.filter((one) => one.pulled).length;
    if (pulled !== result.pulled) {
      fail('a pull counts what it lets travel', `it says ${result.pulled}, and ${pulled} got positions`);
    }
    if (!result.ok) return;
    const isIn = (held: ReadonlySet<number>, { file }: ModelRecord): boolean =>
      file === undefined || held.has(segmentOf(file));
    const left = locals.find(
      (one) =>
        isAskedFor(one, request) &&
        !one.pulled &&
        !one.damaged &&
        one.file !== undefined &&
        isIn(segments, one) &&
        one.orElse.length === 0,
    );
    if (left) {
      const detail = `reading ${left.reading.uid} at ${left.file} ${left.epoch}/${LOCAL_LANE}/${left.position} was left`;
      fail('a pull takes all that was asked for and is there', detail);
    }
    if (!exact()) return;
    const { agedOut, stillLocal } = result;
    if (result.pulled + agedOut + stillLocal !== local) {
      fail('pulled, still local and aged out add up', `${JSON.stringify(result)}, local before ${local}`);
    }
    const gone = (held: ReadonlySet<number>): number => locals.filter((one) => !isIn(held, one)).length;
    const sure = locals.every(({ file }) => file !== undefined);
    if (sure && (agedOut < gone(then) || agedOut > gone(segments))) {
      fail('what aged out is not on the disk', `${agedOut} aged out, ${gone(then)} to ${gone(segments)} are gone`);
    }
  };

  return {
    asked: () => asked,
    watch,
    crash() {
      asked = undefined;
      before = undefined;
    },
    async pull(request) {
      const up = node.running();
      if (!up || asked) return;
      asked = request;
      before = undefined;
      world.note(`${node.plan.node} pulls ${JSON.stringify(request)}`);
      const own = node.starts();
      const isOver = (): boolean => node.running() === undefined || node.starts() !== own;
      const finish = async (result: PullResult): Promise<void> => {
        const { localSegments } = await statusOf();
        if (isOver()) return;
        world.reached(
          result.ok ? `pull: ${result.pulled > 0 ? 'records' : 'nothing'} pulled` : `pull: ${result.reason}`,
        );
        world.note(`${node.plan.node} pulled ${JSON.stringify(result)}`);
        check(request, result, new Set(localSegments));
        asked = undefined;
      };
      await up
        .pull(request)
        .then((result) => (isOver() ? undefined : finish(result)))
        .catch((error: Error) => {
          if (isOver()) return;
          // The disk may refuse to be read.
          world.reached('pull: not now');
          world.note(`${node.plan.node} could not pull: ${error.message}`);
          asked = undefined;
        });
    },
  };
}

const segmentOf = (file: string): number => Number(/\d+/.exec(file)![0]);
