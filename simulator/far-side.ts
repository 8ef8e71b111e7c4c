import { createMemoryRecordStore, type MemoryRecordStore } from '../adapters/memory/record-store.ts';
import type { Logger, RecordStore, StoreChange } from '../core/ports.ts';
import type { Ingest, IngestMessage } from '../lambdas/ingest/env.ts';
import { createIngest } from '../lambdas/ingest/handler.ts';
import { WORLD_START_MS } from './virtual-clock.ts';
import { type Life, never, type World } from './world.ts';

export interface FarSideFaults {
  /** Chance per commit that it fails with nothing changed. */
  commitFailsChance: number;
  /** Chance per commit that it is done and then reported as failed. */
  commitLiesChance: number;
  /** Chance per commit that the process dies: before it, or done and not acknowledged. */
  diesInCommitChance: number;
  /** Chance per commit that another writer is said to have won. */
  conflictChance: number;
  readFailsChance: number;
  meanStoreMs: number;
  /** Mean time until a dead process is back. */
  meanDownMs: number;
}

/** Ingest in processes that die, on a store of record that does not forget. */
export interface FarSide {
  readonly store: MemoryRecordStore;
  faults: FarSideFaults;
  deliver(client: string, payload: Uint8Array): void;
  crash(reason: string): void;
  /** Messages vanish while it is deaf; links stay up. */
  deaf: boolean;
  crashes(): number;
}

export interface FarSidePorts {
  logger: Logger;
  /** Publishes an answer. */
  answer: (client: string, payload: Uint8Array) => void;
  /** A change became durable. */
  committed: (change: StoreChange) => void;
}

const MAX_BATCH = 20;

export function createFarSide(world: World, ports: FarSidePorts, faults: FarSideFaults): FarSide {
  const { dice } = world;
  const store = createMemoryRecordStore('far-1');
  let life: Life = { alive: true };
  let ingest = startIngest(life);
  let inbox: IngestMessage[] = [];
  let crashes = 0;

  const side: FarSide = { store, faults, deliver, crash, deaf: false, crashes: () => crashes };

  function startIngest(own: Life): Ingest {
    return createIngest({
      store: storeOf(own),
      nowMs: () => WORLD_START_MS + world.now(),
      logger: ports.logger,
      audit: { record: () => undefined },
      mayCarry: (client, node) => client === node,
    });
  }

  function deliver(client: string, payload: Uint8Array): void {
    if (!life.alive || side.deaf) {
      world.reached('far side: message to nobody');
      return;
    }
    inbox.push({ client, payload });
    if (inbox.length === 1) world.after(dice.int(0, 50), 'far side takes a batch', takeBatch, life);
  }

  function takeBatch(): void {
    const messages = inbox.splice(0, dice.int(1, MAX_BATCH));
    if (inbox.length > 0) world.after(dice.int(0, 50), 'far side takes a batch', takeBatch, life);
    if (messages.length === 0) return;
    const own = life;
    void ingest(messages).then(({ answers, failed }) => {
      if (!own.alive) return;
      for (const { client, payload } of answers) ports.answer(client, payload);
      for (const at of failed) {
        const { client, payload } = messages[at]!;
        world.reached('far side: message not taken now');
        // A queue delivers again, a broker without one does not.
        if (dice.chance(0.5))
          world.after(dice.waitMs(2_000), 'far side delivers again', () => deliver(client, payload), own);
      }
    });
  }

  function crash(reason: string): void {
    if (!life.alive) return;
    crashes++;
    world.reached(`far side: dies ${reason}`);
    world.note(`far side dies ${reason}`);
    life.alive = false;
    inbox = [];
    world.after(dice.waitMs(side.faults.meanDownMs), 'far side is back', () => {
      life = { alive: true };
      ingest = startIngest(life);
    });
  }

  /** The store as one process sees it: its calls take time, fail, and end with it. */
  function storeOf(own: Life): RecordStore {
    const call = async <T>(label: string, failChance: number, run: () => Promise<T>): Promise<T> => {
      if (!own.alive) return never;
      await world.pause(storeMs(), `far side ${label}`, own);
      if (dice.chance(failChance)) {
        world.reached(`far side: ${label} fails`);
        throw new Error(`${label} failed`);
      }
      return run();
    };
    return {
      id: store.id,
      readLanes: (keys) => call('reads lanes', side.faults.readFailsChance, () => store.readLanes(keys)),
      findHashes: (ranges) => call('reads hashes', side.faults.readFailsChance, () => store.findHashes(ranges)),
      laneCount: (node) => store.laneCount(node),
      putAside: (poison) => call('puts aside', side.faults.commitFailsChance, () => store.putAside(poison)),
      commit: (change) =>
        call('commits', side.faults.commitFailsChance, async () => {
          const { diesInCommitChance, commitLiesChance, conflictChance } = side.faults;
          if (dice.chance(conflictChance)) {
            world.reached('far side: conflict');
            return 'conflict';
          }
          if (dice.chance(diesInCommitChance / 2)) {
            crash('before a commit');
            return never;
          }
          const result = await store.commit(change);
          if (result === 'conflict') world.reached('far side: conflict of two batches');
          if (result === 'committed') ports.committed(change);
          if (dice.chance(diesInCommitChance)) {
            crash('after a commit, before its acknowledgement');
            return never;
          }
          await world.pause(storeMs(), 'far side committed', own);
          if (result === 'committed' && dice.chance(commitLiesChance)) {
            world.reached('far side: commit done and reported as failed');
            throw new Error('commit: no answer');
          }
          return result;
        }),
    };
  }

  const storeMs = (): number => (dice.chance(0.3) ? dice.waitMs(side.faults.meanStoreMs) : 0);

  return side;
}
