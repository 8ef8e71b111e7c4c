import { type CloudStore, createCloudStore } from '../adapters/aws/record-store.ts';
import type { Logger, RecordStore, StoreChange } from '../core/ports.ts';
import { type CloudCalls, type CloudProcess, createCloudCalls, type Requests } from './cloud-calls.ts';
import type { CloudData } from './cloud-data.ts';
import type { CloudFaults } from './cloud-faults.ts';
import { WORLD_START_MS } from './virtual-clock.ts';
import type { World } from './world.ts';

/** A process with the real store on what the cloud is to it. */
export interface StoreProcess extends CloudProcess {
  calls: CloudCalls;
  store: CloudStore;
}

/** @param onDeath told where it died */
export function startStoreProcess(
  world: World,
  data: CloudData,
  faults: () => CloudFaults,
  underWay: Requests,
  logger: Logger,
  onDeath: (where: string) => void,
): StoreProcess {
  const { dice } = world;
  const life = { alive: true };
  const die = (where: string): void => {
    if (!life.alive) return;
    life.alive = false;
    onDeath(where);
  };
  const calls = createCloudCalls(world, data, faults, { life, die }, underWay);
  let planned: StoreChange | undefined;
  /** The name of a batch ends in these bits. */
  const u64 = (): bigint => {
    const bits = dice.u64();
    if (planned) data.expect(bits.toString(16).padStart(16, '0'), planned);
    return bits;
  };
  const store = createCloudStore({
    ...calls,
    random: { ...dice, u64 },
    nowMs: () => WORLD_START_MS + world.now(),
    logger,
    landed: () => calls.call('announce', async () => undefined),
  });
  // A change is planned, and its batches are named, before anything is waited for.
  const commit: RecordStore['commit'] = (change) => {
    planned = change;
    const result = store.commit(change);
    planned = undefined;
    return result;
  };
  return { life, die, calls, store: { ...store, commit } };
}
