import type { IngestMessage } from '../lambdas/ingest/env.ts';
import type { CloudFaults } from './cloud-faults.ts';
import type { World } from './world.ts';

export interface QueuedMessage extends IngestMessage {
  /** Virtual ms. */
  visibleAt: number;
}

/** A standard queue: at least once, in about the order in which messages came, batched anew each time. */
export interface CloudQueue {
  add(message: IngestMessage): void;
  /** Hidden from now on until they are deleted or their time is over. */
  take(): QueuedMessage[];
  delete(messages: readonly QueuedMessage[]): void;
  size(): number;
  /** Called when a message can be taken. */
  onVisible: () => void;
}

const MAX_BATCH = 10;
/** Batches are filled from about so many of the oldest messages. */
const WINDOW = 15;

export function createCloudQueue(world: World, faults: () => CloudFaults): CloudQueue {
  const { dice } = world;
  let messages: QueuedMessage[] = [];

  const visibleLater = (ms: number): void =>
    void world.after(ms, 'queue shows messages', () => {
      if (messages.some(({ visibleAt }) => visibleAt <= world.now())) queue.onVisible();
    });

  const queue: CloudQueue = {
    onVisible: () => undefined,
    size: () => messages.length,
    add(message) {
      const ms = dice.int(0, 50);
      messages.push({ ...message, visibleAt: world.now() + ms });
      visibleLater(ms);
    },
    take() {
      const visible = messages.filter(({ visibleAt }) => visibleAt <= world.now()).slice(0, WINDOW);
      const wanted = dice.int(1, MAX_BATCH);
      const taken: QueuedMessage[] = [];
      while (taken.length < wanted && visible.length > 0) {
        const at = dice.chance(0.8) ? 0 : dice.int(0, visible.length - 1);
        taken.push(...visible.splice(at, 1));
      }
      for (const message of taken) message.visibleAt = world.now() + faults().visibilityMs;
      if (taken.length > 0) visibleLater(faults().visibilityMs);
      return taken;
    },
    delete(gone) {
      const handled = gone.filter(() => {
        if (!dice.chance(faults().duplicateChance)) return true;
        world.reached('cloud: message handled and delivered again');
        return false;
      });
      messages = messages.filter((message) => !handled.includes(message));
    },
  };
  return queue;
}
