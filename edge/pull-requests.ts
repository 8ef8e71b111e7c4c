import type { Audit } from '../core/ports.ts';
import { encodePullReport, type PullRequestMessage, type PullState } from '../core/pull-messages.ts';
import type { PullRequest, PullResult } from '../greengrass-components/sense/pull.ts';

export interface PullRequestPorts {
  node: string;
  pull: (request: PullRequest) => Promise<PullResult>;
  /** Sends a report to the far side. */
  say: (report: Uint8Array) => void;
  audit: Audit | undefined;
}

const ACTOR = 'far-side';
/** Ended pulls whose end is remembered, for whoever asks again. */
const MAX_REMEMBERED = 100;
const MAX_DETAIL = 1_000;

/**
 * Serves pulls that the far side asks for. A request that comes twice is told how far it is, and pulls nothing again;
 * one of an earlier life of the node is begun anew, which doubles nothing either, since a pull takes what is still local.
 */
export function createPullRequests({
  node,
  pull,
  say,
  audit,
}: PullRequestPorts): (request: PullRequestMessage) => void {
  const known = new Map<string, PullState>();
  const report = (id: string): void => say(encodePullReport({ type: 'pull-report', id, state: known.get(id)! }));

  const run = async ({ id, stream, device, fromMs, toMs }: PullRequestMessage): Promise<void> => {
    known.set(id, { is: 'running' });
    report(id);
    const target = `${node} ${stream}${device === undefined ? '' : ` of ${device}`}, ${isoOf(fromMs)} to ${isoOf(toMs)}`;
    const state = await (fromMs < toMs
      ? pull({ stream, device, fromTs: fromMs, toTs: toMs }).then(stateOf, failedBy)
      : failedBy(new Error(`fromMs ${fromMs} is not before toMs ${toMs}`)));
    const event = { actor: ACTOR, action: 'pull', target: target.slice(0, 200) };
    audit?.record(
      state.is === 'refused'
        ? { ...event, outcome: 'refused', reason: state.reason }
        : { ...event, outcome: 'allowed' },
    );
    known.set(id, state);
    report(id);
  };

  return (request) => {
    if (known.has(request.id)) return report(request.id);
    forgetOldest(known);
    void run(request);
  };
}

function stateOf(result: PullResult): PullState {
  if (!result.ok) {
    const { reason, detail, pulled } = result;
    return { is: 'refused', reason, detail: detail.slice(0, MAX_DETAIL), pulled };
  }
  const { ok: _ok, ...counts } = result;
  return { is: 'done', ...counts };
}

/** The disk may refuse, or the node be stopping: the operator hears it. */
const failedBy = (error: Error): PullState => ({
  is: 'refused',
  reason: 'failed',
  detail: error.message.slice(0, MAX_DETAIL),
  pulled: 0,
});

/** The ended ones only, the oldest first: the node itself lets one pull run at a time. */
function forgetOldest(known: Map<string, PullState>): void {
  for (const [id, { is }] of known) {
    if (known.size < MAX_REMEMBERED) return;
    if (is !== 'running') known.delete(id);
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
