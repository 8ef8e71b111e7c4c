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
  let forgotten = 0;

  return {
    startedAt: () => undefined,
    go: () => open(),
    sourceOf: (life, clock) => ({
      canWait: true,
      run(sink, _position, signal, state) {
        meet(undefined);
        const watch = watchMessages(createRedeliveryWindow(maxInFlight, Object.entries(state)));
        const rights = clientRights([plan]);
        const intake = createIntake(clock, {
          plans: [plan],
          route: createRouter([plan], rights),
          window: watch.window,
          sinkOf: () => ({ offer: (batch) => offer(sink, batch, watch.offered()) }),
          onBroken: (_source, error) => {
            if (life.alive) world.fail('an offer is answered', `${plan.name}: ${error.stack}`);
          },
        });
        const offer = async (to: SourceSink, offered: SourceBatch, { batch, packetId }: Publish) => {
          if (batch.fate === 'committed') {
            const detail = `${plan.name}: message ${packetId}: ${JSON.stringify(batch.readings)}`;
            world.fail('what a device sends again gets no second fate', detail);
          }
          // What its device forgot while it waited is kept under no key: without a mark no commit would tell of it.
          const state = offered.state ?? { forgotten: ++forgotten };
          const [key, value] = Object.entries(state)[0]!;
          Object.assign(batch, { fate: 'open', kept: { key, value } });
          batch.arrivedAt = clock.monotonicMs();
          model.offered(batch);
          const answer = await to.offer({ ...offered, state });
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

/** Knows which message of a device is offered: the one whose place in the window was asked for last. */
function watchMessages(window: RedeliveryWindow) {
  let arriving: Publish | undefined;
  let asked: Publish | undefined;
  return {
    window: {
      find: window.find,
      add(client, arrival, fate) {
        const publish = arriving;
        const kept = window.add(client, arrival, fate);
        return {
          ...kept,
          isCurrent() {
            asked = publish;
            return kept.isCurrent();
          },
        };
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
    offered(): Publish {
      if (!asked) throw new Error('a message without a packet id');
      return asked;
    },
  };
}
