import { createIntake } from '../adapters/sources/listen/intake.ts';
import { clientRights, type ListenPlan } from '../core/listen/client-rights.ts';
import { createRedeliveryWindow, type RedeliveryWindow } from '../core/listen/redelivery-window.ts';
import { createRouter } from '../core/listen/router.ts';
import type { SourceBatch, SourceSink } from '../core/ports.ts';
import { createMessageMaker } from './device-messages.ts';
import type { NodeModel } from './node-model.ts';
import { checkAnswer, type SourceDriver, type SourceSettings } from './source-driver.ts';
import { createVirtualDevice, type Listening, type Publish } from './virtual-device.ts';
import { createReadingMaker } from './workload.ts';
import type { World } from './world.ts';

export interface ListenSettings extends SourceSettings {
  meanDelayMs: number;
  breakChance: number;
}

/**
 * Plays the devices of one group that publish to the node itself, over all lives of the node: the real intake stands
 * behind a broker that keeps order and may lose any connection.
 *
 * @param more false once the workload has ended
 */
export function createListenDriver(
  world: World,
  plan: ListenPlan,
  model: NodeModel,
  settings: ListenSettings,
  nextUid: () => number,
  more: () => boolean,
): SourceDriver {
  const { dice } = world;
  const { maxInFlight } = plan.config;
  const maker = createReadingMaker(dice, plan, 0, nextUid);
  const make = createMessageMaker(dice, plan, maker, settings.badInputChance);
  const devices = plan.devices.map((name) =>
    createVirtualDevice(
      world,
      {
        name,
        window: dice.int(1, maxInFlight),
        meanMessageMs: settings.meanBatchMs,
        meanDelayMs: settings.meanDelayMs,
        breakChance: settings.breakChance,
      },
      make,
      more,
    ),
  );
  const meet = (listening: Listening | undefined): void => {
    for (const device of devices) device.meet(listening);
  };
  let open: () => void = () => undefined;

  return {
    startedAt: () => undefined,
    go: () => open(),
    sourceOf: (life, clock) => ({
      canWait: true,
      run(sink, _position, signal, state) {
        meet(undefined);
        const entries = Object.entries(state).map(
          ([key, entry]) => [key.slice(0, key.lastIndexOf('/')), entry as string] as const,
        );
        const watch = watchMessages(createRedeliveryWindow(maxInFlight, entries));
        const rights = clientRights([plan]);
        const intake = createIntake(clock, {
          plans: [plan],
          route: createRouter([plan], rights),
          window: watch.window,
          sinkOf: () => ({ offer: (batch) => offer(sink, batch, watch.messageOf(batch)) }),
          onBroken: (_source, error) => {
            if (life.alive) world.fail('an offer is answered', `${plan.name}: ${error.stack}`);
          },
        });
        const offer = async (to: SourceSink, offered: SourceBatch, { batch, packetId }: Publish) => {
          if (batch.fate === 'committed') {
            const detail = `${plan.name}: message ${packetId}: ${JSON.stringify(batch.readings)}`;
            world.fail('what a device sends again gets no second fate', detail);
          }
          const [key, value] = Object.entries(offered.state ?? {})[0]!;
          Object.assign(batch, { fate: 'open', kept: { key, value } });
          batch.arrivedAt = clock.monotonicMs();
          model.offered(batch);
          const answer = await to.offer(offered);
          if (life.alive) checkAnswer(world, batch, answer);
          return answer;
        };
        /** A message is acknowledged once its fate is durable, and not before. */
        const take: Listening['take'] = (message, publish, acknowledge) => {
          void watch
            .during(publish, () => intake.take(message))
            .then(() => {
              if (!life.alive || signal.aborted) return;
              if (publish.batch.fate !== 'committed') {
                world.fail(
                  'acknowledged to a device means that its fate is on disk',
                  `${message.client} ${message.packetId}`,
                );
              }
              acknowledge();
            });
        };
        open = () => meet({ life, take });
        return new Promise((resolve) =>
          signal.addEventListener(
            'abort',
            () => {
              meet(undefined);
              intake.stop();
              resolve();
            },
            { once: true },
          ),
        );
      },
    }),
  };
}

/** Knows which message of a device a batch is made of: by what the window asks to be kept with it. */
function watchMessages(window: RedeliveryWindow) {
  const byEntry = new Map<string, Publish>();
  let arriving: Publish | undefined;
  return {
    window: {
      find: window.find,
      add(client, arrival, fate) {
        const kept = window.add(client, arrival, fate);
        if (arriving) byEntry.set(`${client}/${kept.slot} ${kept.entry}`, arriving);
        return kept;
      },
    } satisfies RedeliveryWindow,
    during<T>(publish: Publish, arrive: () => T): T {
      arriving = publish;
      try {
        return arrive();
      } finally {
        arriving = undefined;
      }
    },
    messageOf({ state }: SourceBatch): Publish {
      const [key, entry] = Object.entries(state ?? {})[0] ?? [];
      const publish = byEntry.get(`${key} ${entry}`);
      if (!publish) throw new Error(`no message has ${key} ${entry}`);
      return publish;
    },
  };
}
