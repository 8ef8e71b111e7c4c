import { createFairQueue } from '../../core/fair-queue.ts';
import type { TrafficClass } from '../../core/flow.ts';
import type { Cancel, Clock, Uplink } from '../../core/ports.ts';
import { fullBucket, spend, waitMsOf } from '../../core/rate-bucket.ts';

export interface SharedLink {
  /** The uplink as that node may use it: its messages leave when their turn has come. */
  join(node: string, uplink: Uplink): Uplink;
}

interface Waiting {
  start: () => Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

const QUEUES: readonly TrafficClass[] = ['critical', 'bulk'];

/**
 * One way out for several nodes of a process. Together they send at most so much; critical messages go first, and
 * within a class each node gets an equal part of the bytes (core/fair-queue.ts), however much one of them has to send.
 *
 * @param bytesPerSecond undefined = no bound, and so nothing ever waits
 */
export function createSharedLink(clock: Clock, bytesPerSecond: number | undefined): SharedLink {
  if (bytesPerSecond === undefined) return { join: (_node, uplink) => uplink };
  // Half a second's worth at once: more would only fill the buffers on the way, behind which critical would wait.
  const rate = { perSecond: bytesPerSecond, burst: bytesPerSecond / 2 };
  const bucket = fullBucket(rate, clock.monotonicMs());
  const queues = { critical: createFairQueue<Waiting>(), bulk: createFairQueue<Waiting>() };
  let cancelTimer: Cancel = () => {};

  function pump(): void {
    cancelTimer();
    cancelTimer = () => {};
    for (;;) {
      const queue = queues[QUEUES.find((name) => queues[name].size > 0) ?? 'bulk'];
      if (queue.size === 0) return;
      const waitMs = waitMsOf(bucket, rate, clock.monotonicMs());
      if (waitMs > 0) {
        cancelTimer = clock.after(waitMs, pump);
        return;
      }
      const { cost, item } = queue.take()!;
      spend(bucket, rate, cost, clock.monotonicMs());
      item.start().then(item.resolve, item.reject);
    }
  }

  function join(node: string, uplink: Uplink): Uplink {
    let connected = false;
    const drop = (why: string): void => {
      for (const name of QUEUES) for (const { reject } of queues[name].remove(node)) reject(new Error(why));
    };
    return {
      send(traffic, payload) {
        if (!connected) return uplink.send(traffic, payload); // it says why not
        return new Promise((resolve, reject) => {
          const start = (): Promise<void> => uplink.send(traffic, payload);
          queues[traffic].push(node, Math.max(1, payload.length), { start, resolve, reject });
          pump();
        });
      },
      onAnswer: uplink.onAnswer,
      onLink: (listen) =>
        uplink.onLink((up) => {
          connected = up;
          if (!up) drop('not connected any more: it was lost while the message waited for its turn');
          listen(up);
        }),
      using: uplink.using,
      wanted: uplink.wanted,
      close() {
        connected = false;
        drop('not connected any more: closed while the message waited for its turn');
        return uplink.close();
      },
    };
  }

  return { join };
}
