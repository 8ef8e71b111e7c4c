import { setTimeout as sleep } from 'node:timers/promises';
import type { PullCounts, PullWish } from '../../core/pull-messages.ts';
import type { PullView } from '../../hub/pulls.ts';
import { askHub, type HubClientOptions } from './hub-client.ts';

export interface PullTiming {
  /** For the whole of it, ms. */
  timeoutMs: number;
  /** Until the node says that it has begun, ms. @default 30 s */
  answerWithinMs?: number;
  /** Between two looks, ms. @default 500 */
  lookEveryMs?: number;
}

const ANSWER_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 500;

/**
 * Has a node pulled by way of its hub, and waits for how it ends.
 *
 * @param tell hears once when the node has begun, and when its connection is lost or back meanwhile
 * @throws Error with the hub's or the node's words if it is refused; if nothing is heard in time
 */
export async function pullByHub(
  hub: HubClientOptions,
  wish: PullWish,
  timing: PullTiming,
  tell: (line: string) => void,
): Promise<PullCounts> {
  const { timeoutMs, answerWithinMs = ANSWER_WITHIN_MS, lookEveryMs = LOOK_EVERY_MS } = timing;
  const { node } = wish;
  const beganMs = performance.now();
  const { id } = await askHub<{ id: string }>(hub, '/pull', wish);
  let before: PullView | undefined;
  for (;;) {
    const view = await askHub<PullView>(hub, `/pull/${id}`);
    const { state, connected } = view;
    if (state.is === 'done') return countsOf(state);
    if (state.is === 'refused') {
      const earlier = state.pulled > 0 ? `; ${state.pulled} records were pulled before, ask again for the rest` : '';
      throw new Error(`node ${node}: ${state.reason}: ${state.detail}${earlier}`);
    }
    if (state.is === 'running' && before?.state.is !== 'running') tell(`node ${node} is pulling`);
    if (!connected && before?.connected !== false) tell(`node ${node} has lost its connection to the hub; waiting`);
    if (connected && before?.connected === false) tell(`node ${node} is connected again`);
    before = view;
    const passedMs = performance.now() - beganMs;
    if (state.is === 'sent' && passedMs >= Math.min(timeoutMs, answerWithinMs)) throw noAnswer(view, passedMs);
    if (passedMs >= timeoutMs) throw tooLate(view, passedMs);
    await sleep(Math.min(lookEveryMs, timeoutMs - passedMs));
  }
}

const noAnswer = ({ node, connected }: PullView, ms: number): Error =>
  new Error(
    connected
      ? `node ${node} did not answer within ${seconds(ms)}: its release may be too old to pull from afar; run headwater pull on the machine of the node`
      : `node ${node} lost its connection before it answered (${seconds(ms)}): try again, or run headwater pull on the machine of the node`,
  );

const tooLate = ({ node, connected }: PullView, ms: number): Error =>
  new Error(
    `node ${node} has not ended within ${seconds(ms)}${connected ? '' : ', and is not connected now'}: it goes on by itself; the same command asks again and doubles nothing`,
  );

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

function countsOf({ pulled, pulledBefore, unreadable, agedOut, stillLocal }: PullCounts): PullCounts {
  return { pulled, pulledBefore, unreadable, agedOut, stillLocal };
}
