import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/ports.ts';
import {
  decodePullReport,
  encodePullRequest,
  type PullRequestMessage,
  type PullState,
  type PullWish,
} from '../core/pull-messages.ts';
import type { IngestMessage } from '../lambdas/ingest/env.ts';

export interface PullPorts {
  clock: Pick<Clock, 'monotonicMs'>;
  /** Sends to a node; false = it has no connection. */
  publish: (node: string, payload: Uint8Array) => boolean;
  isConnected: (node: string) => boolean;
  /** @default a random one */
  newId?: () => string;
}

export type PullStart =
  | { ok: true; id: string }
  | { ok: false; reason: 'unknown-node' | 'not-connected' | 'too-many-pulls'; detail: string };

/** How far a pull is: `sent` = the node has not said anything yet. */
export interface PullView {
  node: string;
  connected: boolean;
  state: PullState | { is: 'sent' };
}

/** The pulls that operators have asked this hub for. They are forgotten when it stops: nobody waits for them then. */
export interface Pulls {
  start(wish: PullWish): PullStart;
  /** How far it is; asks the node again now and then, since either message may have been lost. */
  look(id: string): PullView | undefined;
  /** Takes a node's report; false = the message is none. */
  report(message: IngestMessage): boolean;
}

interface Pull {
  node: string;
  request: PullRequestMessage;
  state: PullView['state'];
  asked: number;
  askAgainAt: number;
}

const MAX_PULLS = 200;
const FIRST_PAUSE_MS = 2_000;
/** What is asked again is metered by the node's budget: seldom, while it works. */
const LONGEST_PAUSE_MS = 60_000;

/** @param nodes that the hub knows */
export function createPulls(
  { clock, publish, isConnected, newId = randomUUID }: PullPorts,
  nodes: ReadonlySet<string>,
): Pulls {
  const pulls = new Map<string, Pull>();

  const ask = (pull: Pull): boolean => {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(pull.asked, 10));
    pull.askAgainAt = clock.monotonicMs() + pauseMs;
    pull.asked += 1;
    return publish(pull.node, encodePullRequest(pull.request));
  };

  /** Makes room: the oldest that has ended goes. */
  const makeRoom = (): boolean => {
    for (const [id, { state }] of pulls) {
      if (pulls.size < MAX_PULLS) break;
      if (hasEnded(state)) pulls.delete(id);
    }
    return pulls.size < MAX_PULLS;
  };

  return {
    start({ node, ...times }) {
      if (!nodes.has(node))
        return refused('unknown-node', `this hub has no node "${node}": headwater ledger lists them`);
      if (!isConnected(node)) return refused('not-connected', notConnected(node));
      if (!makeRoom())
        return refused('too-many-pulls', `${MAX_PULLS} pulls are under way: ask again when one has ended`);
      const id = newId();
      const request: PullRequestMessage = { type: 'pull', id, ...times };
      const pull: Pull = { node, request, state: { is: 'sent' }, asked: 0, askAgainAt: 0 };
      // Connected, but it does not listen yet, or does not read.
      if (!ask(pull)) return refused('not-connected', notConnected(node));
      pulls.set(id, pull);
      return { ok: true, id };
    },
    look(id) {
      const pull = pulls.get(id);
      if (!pull) return undefined;
      const { node, state } = pull;
      const connected = isConnected(node);
      if (connected && !hasEnded(state) && clock.monotonicMs() >= pull.askAgainAt) ask(pull);
      return { node, connected, state };
    },
    report({ client, payload }) {
      const report = decodePullReport(payload);
      if (!report.ok) return false;
      const { id, state } = report.value;
      const pull = pulls.get(id);
      // A node speaks for itself only; the end is the end, whatever comes late.
      if (pull?.node === client && !hasEnded(pull.state)) pull.state = state;
      return true;
    },
  };
}

const hasEnded = ({ is }: PullView['state']): boolean => is === 'done' || is === 'refused';

const refused = (reason: Extract<PullStart, { ok: false }>['reason'], detail: string): PullStart => ({
  ok: false,
  reason,
  detail,
});

const notConnected = (node: string): string =>
  `node ${node} is not connected to this hub; try again when it is, or run headwater pull on the machine of the node`;
