import { COLD_PREFIXES } from '../core/cold-layout.ts';
import type { Ingest } from '../lambdas/ingest/env.ts';
import { createIngest } from '../lambdas/ingest/handler.ts';
import { byteCodec } from './byte-codec.ts';
import type { Requests } from './cloud-calls.ts';
import { checkCloudAtRest } from './cloud-check.ts';
import { createCloudData } from './cloud-data.ts';
import { type CloudFaults, calmed } from './cloud-faults.ts';
import { playHousekeeping } from './cloud-housekeeping.ts';
import { type StoreProcess, startStoreProcess } from './cloud-process.ts';
import { createCloudQueue, type QueuedMessage } from './cloud-queue.ts';
import type { FarSide, FarSidePorts } from './far-side.ts';
import { WORLD_START_MS } from './virtual-clock.ts';
import type { World } from './world.ts';

/** A function's process: handles batch after batch until it dies or is not needed any more. */
interface Instance extends StoreProcess {
  ingest: Ingest;
  busy: boolean;
  /** Batches that it has begun and not ended, those that ran out of time too. */
  works: number;
}

/** The real store of the cloud on a virtual bucket and table, behind a queue that several functions empty at once. */
export function createCloudFarSide(world: World, ports: FarSidePorts, initialFaults: CloudFaults): FarSide {
  const { dice } = world;
  let faults = initialFaults;
  const nowMs = (): number => WORLD_START_MS + world.now();
  const data = createCloudData(ports, nowMs);
  const queue = createCloudQueue(world, () => faults);
  const underWay: Requests = { requests: 0 };
  /** Batches that lost staged objects. */
  const bereft = new Set<string>();
  let instances: Instance[] = [];
  let crashes = 0;

  const side: FarSide = {
    kind: 'cloud',
    deaf: false,
    deliver: (client, payload) => queue.add({ client, payload }),
    crash(reason) {
      for (const instance of [...instances]) instance.die(reason);
    },
    crashes: () => crashes,
    heal() {
      side.deaf = false;
      faults = calmed(faults);
      takeBatches();
    },
    settled: () =>
      queue.size() === 0 &&
      underWay.requests === 0 &&
      instances.every(({ works }) => works === 0) &&
      housekeeping.settled(),
    checkAtRest: (ledger) => checkCloudAtRest(data, ledger, dice),
  };
  const startProcess = (requests: Requests, onDeath: () => void): StoreProcess =>
    startStoreProcess(
      world,
      data,
      () => faults,
      requests,
      ports.logger,
      (where) => {
        crashes++;
        world.note(`cloud function dies ${where}`);
        onDeath();
      },
    );
  // What a sweep asks for is not waited for in the end.
  const housekeeping = playHousekeeping(
    world,
    data,
    () => faults,
    (onDeath) => startProcess({ requests: 0 }, onDeath),
  );
  queue.onVisible = takeBatches;
  data.onState = (batch, state) => {
    if (state === 'staged') loseStagedObjects(batch);
    else if (state !== 'landed' && !bereft.has(batch)) {
      world.fail('what is staged is sent again only if it was lost', `batch ${batch} is ${state}`);
    }
  };

  function takeBatches(): void {
    while (!side.deaf && instances.filter(({ busy }) => busy).length < faults.functions) {
      const messages = queue.take();
      if (messages.length === 0) return;
      handle(idleInstance(), messages);
    }
  }

  function idleInstance(): Instance {
    const idle = instances.find(({ busy }) => !busy);
    if (idle && !dice.chance(0.05)) return idle;
    const instance = startInstance();
    instances.push(instance);
    return instance;
  }

  function startInstance(): Instance {
    const process = startProcess(underWay, () => {
      instances = instances.filter((one) => one !== instance);
      // Its messages come again by themselves; others may be waiting.
      world.after(dice.int(0, 500), 'cloud starts a function', takeBatches);
    });
    const ingest = createIngest({
      store: process.store,
      codec: byteCodec,
      nowMs,
      logger: ports.logger,
      audit: { record: () => undefined },
      mayCarry: (client, node) => client === node,
    });
    const instance: Instance = { ...process, ingest, busy: false, works: 0 };
    return instance;
  }

  function handle(instance: Instance, messages: readonly QueuedMessage[]): void {
    instance.busy = true;
    instance.works++;
    let inTime = true;
    const free = (): void => {
      inTime = false;
      instance.busy = false;
      takeBatches();
    };
    const cancelTimeout = world.after(
      faults.timeoutMs,
      'cloud function has no time left',
      () => {
        world.reached('cloud: function out of time');
        // It answers just in time and goes on when it is woken, or is ended.
        if (dice.chance(0.5)) instance.die('for lack of time');
        else free();
      },
      instance.life,
    );
    const work = async (): Promise<void> => {
      const { answers, failed } = await instance.ingest(messages);
      const untold = new Set<string>();
      for (const { client, payload } of answers) {
        await instance.calls.call('publish', async () => ports.answer(client, payload)).catch(() => untold.add(client));
      }
      instance.works--;
      cancelTimeout();
      if (!inTime) return;
      queue.delete(messages.filter(({ client }, at) => !failed.includes(at) && !untold.has(client)));
      free();
    };
    void work();
  }

  /** As a lifecycle rule gone wrong would: in any moment of the time in which they are needed. */
  function loseStagedObjects(batch: string): void {
    if (!dice.chance(faults.stagedLossChance)) return;
    world.after(dice.pick([0, dice.waitMs(faults.meanCallMs), dice.waitMs(30_000)]), 'staged objects are lost', () => {
      const keys = data.objects.keys(`${COLD_PREFIXES.staging}${batch}/`);
      if (data.stateOf(batch) !== 'staged' || keys.length === 0) return;
      const lost = dice.chance(0.5) ? keys : [dice.pick(keys)];
      world.reached(`cloud: ${lost.length === keys.length ? 'all' : 'some'} staged objects of a batch lost`);
      bereft.add(batch);
      void data.objects.delete(lost);
    });
  }

  return side;
}
