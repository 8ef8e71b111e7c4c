import type { SourcePlan } from '../core/node-plan.ts';
import type { Clock, Source, SourceSink } from '../core/ports.ts';
import type { NodeModel } from './node-model.ts';
import type { OfferedBatch } from './offered.ts';
import { createReadingMaker, type NumberedBatch } from './workload.ts';
import type { Life, World } from './world.ts';

/** Plays one source of one node, over all lives of that node. */
export interface SourceDriver {
  /** The source for one life. It says nothing before `go`. */
  sourceOf(life: Life, clock: Clock): Source;
  /** Where the journal said that the source stood, at the last start. */
  startedAt(): number | undefined;
  /** The node is up and checked. */
  go(): void;
}

export interface SourceSettings {
  canWait: boolean;
  meanBatchMs: number;
  burstChance: number;
  badInputChance: number;
}

const RETRY_MS = 3_000;

/**
 * @param more false once the workload has ended
 */
export function createSourceDriver(
  world: World,
  plan: SourcePlan,
  model: NodeModel,
  settings: SourceSettings,
  nextUid: () => number,
  more: () => boolean,
): SourceDriver {
  const { dice } = world;
  const { canWait, meanBatchMs, burstChance, badInputChance } = settings;
  const maker = createReadingMaker(dice, plan, badInputChance, nextUid);
  /** What a source that can wait has to offer again after a crash. */
  const unfinished = new Map<number, NumberedBatch>();
  let lastNumber = 0;
  let position: number | undefined;
  let go: () => void = () => undefined;
  let clock: Clock;

  const size = (): number => (dice.chance(burstChance) ? dice.int(50, 300) : dice.int(1, 6));

  const offer = (sink: SourceSink, batch: NumberedBatch, life: Life): Promise<'committed' | 'not-now'> => {
    batch.fate = 'open';
    batch.arrivedAt = clock.monotonicMs();
    model.offered(batch);
    world.note(`offer ${plan.name} ${batch.number}: ${batch.readings.length}`);
    const readings = batch.readings.map(({ device, stream, ts, value, quality }) => ({
      device,
      stream,
      value,
      quality,
      ...(ts === undefined ? {} : { ts }),
    }));
    return sink.offer({ readings, refused: batch.unparsable, position: batch.number }).then(
      (answer) => {
        if (life.alive) checkAnswer(world, batch, answer);
        return answer;
      },
      (error: Error) => {
        if (life.alive) world.fail('an offer is answered', `${plan.name} ${batch.number}: ${error.stack}`);
        return 'not-now';
      },
    );
  };

  const waitAndOffer = (sink: SourceSink, life: Life, ended: () => boolean): void => {
    const loop = async (): Promise<void> => {
      for (let number = (position ?? 0) + 1; ; number++) {
        await world.pause(dice.waitMs(meanBatchMs), `${plan.name} reads on`, life);
        if (ended() || !more()) return;
        const batch = unfinished.get(number) ?? maker.batch(number, true, size());
        unfinished.set(number, batch);
        while ((await offer(sink, batch, life)) === 'not-now') {
          await world.pause(dice.waitMs(RETRY_MS), `${plan.name} tries again`, life);
          if (ended()) return;
        }
        unfinished.delete(number);
      }
    };
    void loop();
  };

  const liveOffer = (sink: SourceSink, life: Life, ended: () => boolean): void => {
    world.after(
      dice.waitMs(meanBatchMs),
      `${plan.name} measures`,
      () => {
        if (ended() || !more()) return;
        void offer(sink, maker.batch(++lastNumber, false, size()), life);
        liveOffer(sink, life, ended);
      },
      life,
    );
  };

  return {
    sourceOf: (life, ownClock) => ({
      canWait,
      run: (sink, found, signal) => {
        clock = ownClock;
        position = found as number | undefined;
        for (const number of unfinished.keys()) if (number <= (position ?? 0)) unfinished.delete(number);
        const ended = (): boolean => signal.aborted;
        go = () => (canWait ? waitAndOffer : liveOffer)(sink, life, ended);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
    }),
    startedAt: () => position,
    go: () => go(),
  };
}

/** What a source was told of its batch must be what became of it. */
export function checkAnswer(world: World, batch: OfferedBatch, answer: 'committed' | 'not-now'): void {
  const allowed = batch.fate === 'committed' || (batch.fate === 'refused' && !batch.canWait);
  if (answer === 'committed' ? !allowed : batch.fate !== 'refused' || !batch.canWait) {
    const { source, number = '', fate } = batch;
    world.fail('the answer to an offer is true', `${source} ${number} is ${fate}, answered ${answer}`);
  }
}
