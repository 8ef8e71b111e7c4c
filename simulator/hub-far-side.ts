import { createMemoryRecordStore } from '../adapters/memory/record-store.ts';
import type { RecordStore } from '../core/ports.ts';
import type { Ingest, IngestMessage } from '../lambdas/ingest/env.ts';
import { createIngest } from '../lambdas/ingest/handler.ts';
import { byteCodec } from './byte-codec.ts';
import type { FarSide, FarSidePorts } from './far-side.ts';
import { WORLD_START_MS } from './virtual-clock.ts';
import { type Life, never, type World } from './world.ts';

export interface HubFaults {
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

const MAX_BATCH = 20;
const NO_FAULTS: Partial<HubFaults> = {
  commitFailsChance: 0,
  commitLiesChance: 0,
  diesInCommitChance: 0,
  conflictChance: 0,
  readFailsChance: 0,
  meanDownMs: 1_000,
};

/** A hub: broker, ingest and store in one process. */
export function createHubFarSide(world: World, ports: FarSidePorts, initialFaults: HubFaults): FarSide {
  const { dice } = world;
  const store = createMemoryRecordStore(ports.id);
  let life: Life = { alive: true };
  let ingest = startIngest(life);
  let inbox: IngestMessage[] = [];
  let crashes = 0;
  let faults = initialFaults;
  let rowsSeen = 0;

  const side: FarSide = {
    kind: 'hub',
    deliver,
    crash,
    deaf: false,
    crashes: () => crashes,
    heal() {
      side.deaf = false;
      faults = { ...faults, ...NO_FAULTS };
    },
    settled: () => true,
    checkAtRest: async () => undefined,
  };

  function startIngest(own: Life): Ingest {
    return createIngest({
      store: storeOf(own),
      codec: byteCodec,
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
    world.after(dice.waitMs(faults.meanDownMs), 'far side is back', () => {
      life = { alive: true };
      ingest = startIngest(life);
    });
  }

  /** The store as one process sees it: its calls take time, fail, and end with it. */
  function storeOf(own: Life): RecordStore {
    const call = async <T>(label: string, failChance: number, run: () => Promise<T>): Promise<T> => {
      if (!own.alive) return never();
      await world.pause(storeMs(), `far side ${label}`, own);
      if (dice.chance(failChance)) {
        world.reached(`far side: ${label} fails`);
        throw new Error(`${label} failed`);
      }
      return run();
    };
    return {
      id: store.id,
      readLanes: (keys) => call('reads lanes', faults.readFailsChance, () => store.readLanes(keys)),
      findHashes: (ranges) => call('reads hashes', faults.readFailsChance, () => store.findHashes(ranges)),
      laneCount: (node) => store.laneCount(node),
      putAside: (poison) => call('puts aside', faults.commitFailsChance, () => store.putAside(poison)),
      commit: (change) =>
        call('commits', faults.commitFailsChance, async () => {
          const { diesInCommitChance, commitLiesChance, conflictChance } = faults;
          if (dice.chance(conflictChance)) {
            world.reached('far side: conflict');
            return 'conflict';
          }
          if (dice.chance(diesInCommitChance / 2)) {
            crash('before a commit');
            return never();
          }
          const result = await store.commit(change);
          if (result === 'conflict') world.reached('far side: conflict of two batches');
          if (result === 'committed') {
            for (const { key, stored, givenUp } of change.lanes) ports.indexed(key, stored, givenUp);
            ports.appeared(store.rows().slice(rowsSeen));
            rowsSeen = store.rows().length;
          }
          if (dice.chance(diesInCommitChance)) {
            crash('after a commit, before its acknowledgement');
            return never();
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

  const storeMs = (): number => (dice.chance(0.3) ? dice.waitMs(faults.meanStoreMs) : 0);

  return side;
}
