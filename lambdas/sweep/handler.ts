import { batchOfStaging, COLD_PREFIXES } from '../../core/cold-layout.ts';
import type { Sweep, SweepPorts, SweepResult } from './env.ts';
import { createRequeue } from './requeue.ts';

/** Longer than any function runs: whoever staged it is gone. */
export const LEFT_BEHIND_MS = 10 * 60_000;
const RESERVE_MS = 15_000;

/**
 * Finishes what functions that died have left: batches that were staged and not landed, landed objects that nobody
 * summarised. Everything can be repeated, and two sweeps at once do no harm.
 */
export function createHandler(ports: SweepPorts): Sweep {
  const { objects, logger } = ports;
  const requeue = createRequeue(ports, LEFT_BEHIND_MS);

  return async (remainingMs) => {
    const hasTime = () => remainingMs() > RESERVE_MS;
    const staged = await finishStaged(hasTime);
    const landed = await requeue(hasTime);
    const result = { ...staged, queued: landed.queued, complete: staged.complete && landed.complete };
    logger.info(result, 'swept');
    return result;
  };

  async function finishStaged(hasTime: () => boolean): Promise<Pick<SweepResult, 'batches' | 'complete'>> {
    const batches = { landed: 0, released: 0, unknown: 0, failed: 0 };
    let previous: string | undefined;
    for await (const { key, modifiedMs } of objects.list(COLD_PREFIXES.staging)) {
      const batch = batchOfStaging(key);
      if (batch === undefined || batch === previous || modifiedMs > ports.nowMs() - LEFT_BEHIND_MS) continue;
      if (!hasTime()) return { batches, complete: false };
      previous = batch;
      batches[await finish(batch)]++;
    }
    return { batches, complete: true };
  }

  async function finish(batch: string): Promise<keyof SweepResult['batches']> {
    try {
      return await ports.finishStaged(batch);
    } catch (error) {
      logger.error({ err: error, batch }, 'staged batch not finished; the next sweep tries again');
      return 'failed';
    }
  }
}
