import { batchOfStaging, COLD_PREFIXES } from '../core/cold-layout.ts';
import type { CloudData } from './cloud-data.ts';
import type { CloudFaults } from './cloud-faults.ts';
import type { StoreProcess } from './cloud-process.ts';
import { WORLD_START_MS } from './virtual-clock.ts';
import type { World } from './world.ts';

/** What runs by the clock: a sweep that finishes what was left, and what takes landed and expired things away. */
export interface Housekeeping {
  /** No batch waits for its end, and nothing of one that has ended is staged. */
  settled(): boolean;
}

const MAX_SWEEP_MS = 15 * 60_000;
const LEFT_BEHIND_MS = 5 * 60_000;
const DAY = 86_400_000;

export function playHousekeeping(
  world: World,
  data: CloudData,
  faults: () => CloudFaults,
  startProcess: (onDeath: () => void) => StoreProcess,
): Housekeeping {
  const { dice } = world;
  const nowMs = (): number => WORLD_START_MS + world.now();
  const isKnown = (key: string): boolean => data.stateOf(batchOfStaging(key)!) !== undefined;

  function sweepLater(): void {
    world.after(dice.waitMs(faults().sweepEveryMs), 'cloud sweeps', sweep);
  }

  function sweep(): void {
    const process = startProcess(sweepLater);
    world.after(MAX_SWEEP_MS, 'sweep has no time left', () => process.die('for lack of time'), process.life);
    const failed = (): void => world.reached('cloud: sweep failed');
    const run = async (): Promise<void> => {
      const batches = new Set<string>();
      for await (const { key, modifiedMs } of process.calls.objects.list(COLD_PREFIXES.staging)) {
        if (modifiedMs < nowMs() - LEFT_BEHIND_MS) batches.add(batchOfStaging(key)!);
      }
      for (const batch of batches) await process.store.finishStaged(batch).catch(failed);
    };
    void run()
      .catch(failed)
      .then(() => {
        process.life.alive = false;
        sweepLater();
      });
  }

  /**
   * Takes rows to another place, where nothing of the store of record finds them again. Only of a batch that is landed
   * and of which nothing is staged any more: one who began to copy long ago could bring them back.
   */
  function compact(): void {
    const { compactAfterMs } = faults();
    world.after(compactAfterMs, 'cloud compacts', compact);
    void (async () => {
      for await (const { key, modifiedMs } of data.objects.list(COLD_PREFIXES.landing)) {
        const batch = key.slice(key.lastIndexOf('/') + 1, -'.parquet'.length);
        if (data.stateOf(batch) !== 'landed' || modifiedMs > nowMs() - compactAfterMs || isStaged(batch)) continue;
        world.reached('cloud: landed object compacted');
        data.rows.compact(key);
        await data.objects.delete([key]);
      }
    })();
  }

  const isStaged = (batch: string): boolean => [...data.rows.staged()].some((key) => batchOfStaging(key) === batch);

  /** As the table's time to live does it. */
  function expire(): void {
    world.after(DAY, 'cloud expires items', expire);
    for (const { pk, sk, expires } of data.table.items()) {
      if (expires === undefined || Number(expires) * 1_000 > nowMs()) continue;
      world.reached('cloud: item expired');
      void data.table.write({ key: { pk, sk }, delete: true });
    }
  }

  sweepLater();
  world.after(faults().compactAfterMs, 'cloud compacts', compact);
  world.after(DAY, 'cloud expires items', expire);
  return {
    // What nothing knows stays until the bucket's lifecycle takes it.
    settled: () => data.open().size === 0 && ![...data.rows.staged()].some(isKnown),
  };
}
