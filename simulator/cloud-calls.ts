import type { ItemTable } from '../core/item-table.ts';
import type { ObjectStore, StoredObject } from '../core/object-store.ts';
import type { CloudData } from './cloud-data.ts';
import type { CloudFaults } from './cloud-faults.ts';
import { type Life, never, type World } from './world.ts';

/** The cloud as one process sees it: calls take time, are refused, are not what they are reported to be, end with it. */
export interface CloudCalls {
  objects: ObjectStore;
  table: ItemTable;
  /** Any other call, such as publishing. */
  call<T>(what: string, run: () => Promise<T>): Promise<T>;
}

/** A process on the cloud. */
export interface CloudProcess {
  life: Life;
  die(where: string): void;
}

/** What the services have been asked for and not done yet. */
export interface Requests {
  requests: number;
}

export function createCloudCalls(
  world: World,
  data: CloudData,
  faults: () => CloudFaults,
  { life, die }: CloudProcess,
  underWay: Requests,
): CloudCalls {
  const { dice } = world;
  const { objects, table } = data;
  const mean = faults().meanCallsToDeath;
  let left = Number.isFinite(mean) ? dice.waitMs(mean) : -1;

  const diesHere = (where: string): boolean => {
    if (left < 0 || !Number.isFinite(faults().meanCallsToDeath) || --left > 0) return false;
    left = -1;
    world.reached(`cloud: function dies ${where}`);
    die(where);
    return true;
  };

  async function call<T>(what: string, run: () => Promise<T>, changes = true): Promise<T> {
    if (!life.alive || diesHere(`before ${what}`)) return never();
    const { freezeChance, meanFreezeMs, refusedChance, liesChance } = faults();
    if (dice.chance(freezeChance)) {
      world.reached('cloud: function stands still');
      await world.pause(dice.waitMs(meanFreezeMs), `cloud function goes on with ${what}`, life);
    }
    if (dice.chance(refusedChance)) {
      world.reached(`cloud: ${what} refused`);
      throw new Error(`${what}: 503, slow down`);
    }
    const lies = changes && dice.chance(liesChance);
    if (lies && dice.chance(0.5)) {
      world.reached(`cloud: ${what} reported as failed, then done`);
      void sent(what, dice.waitMs(5_000), run);
      throw new Error(`${what}: no answer`);
    }
    world.note(`cloud ${what}`);
    const result = await sent(what, callMs(), run);
    if (lies) {
      world.reached(`cloud: ${what} done and reported as failed`);
      throw new Error(`${what}: no answer`);
    }
    if (!life.alive || diesHere(`after ${what}`)) return never();
    const answerMs = callMs();
    if (answerMs > 0) await world.pause(answerMs, `cloud answers ${what}`, life);
    return result;
  }

  /** What was asked for is done even if the asker is dead by then. */
  async function sent<T>(what: string, ms: number, run: () => Promise<T>): Promise<T> {
    underWay.requests++;
    if (ms > 0) await world.pause(ms, `cloud does ${what}`, EVER);
    const result = await run();
    underWay.requests--;
    return result;
  }

  const callMs = (): number => (dice.chance(faults().slowChance) ? dice.waitMs(faults().meanCallMs) : 0);

  async function listed(prefix: string, after?: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for await (const one of objects.list(prefix, after)) found.push(one);
    return found;
  }

  return {
    call,
    objects: {
      put: (key, body) => call('put', () => objects.put(key, body)),
      get: (key) => call('get', () => objects.get(key), false),
      copy: (from, to) => call('copy', () => objects.copy(from, to)),
      delete: (keys) => call('delete', () => objects.delete(keys)),
      async *list(prefix, after) {
        yield* await call('list', () => listed(prefix, after), false);
      },
    },
    table: {
      id: table.id,
      get: (keys) => call('get items', () => table.get(keys), false),
      query: (pk, bounds) => call('query items', () => table.query(pk, bounds), false),
      count: (pk, prefix) => call('count items', () => table.count(pk, prefix), false),
      transact: (writes) =>
        call('transaction', async () => {
          if (dice.chance(faults().conflictChance)) {
            world.reached('cloud: transaction cancelled by another writer');
            return 'conflict';
          }
          const result = await table.transact(writes);
          if (result === 'conflict') world.reached('cloud: conflict of two transactions');
          return result;
        }),
      write: (write) =>
        call('write', async () => {
          const result = await table.write(write);
          if (result === 'conflict') world.reached('cloud: conditional write overtaken');
          return result;
        }),
    },
  };
}

const EVER: Life = { alive: true };
