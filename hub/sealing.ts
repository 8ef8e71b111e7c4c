import type { DuckDbStore } from '../adapters/embedded/duckdb-store.ts';
import type { Cancel, Clock, Logger } from '../core/ports.ts';

/** Seals staged rows to Parquet at a fixed interval, at most an hour; the store does it by size itself. */
export function startSealing(
  { store, clock, logger }: { store: DuckDbStore; clock: Clock; logger: Logger },
  everyMs: number,
): { stop(): Promise<void> } {
  let stopped = false;
  let cancel: Cancel = () => {};
  let sealing: Promise<void> = Promise.resolve();
  const seal = async (): Promise<void> => {
    try {
      await store.seal();
    } catch (error) {
      // The rows stay staged and are queried all the same; the next interval tries again.
      logger.error({ error: (error as Error).message }, 'hub: staged rows were not sealed to Parquet');
    }
    schedule();
  };
  const schedule = (): void => {
    if (stopped) return;
    cancel = clock.after(everyMs, () => {
      sealing = seal();
    });
  };
  schedule();
  return {
    async stop() {
      stopped = true;
      cancel();
      await sealing;
    },
  };
}
