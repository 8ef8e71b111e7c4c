import { beforeEach, expect, test } from '@jest/globals';
import { createManualClock } from '../../../../adapters/memory/clock.ts';
import { createIntake, type DeviceMessage, type Intake } from '../../../../adapters/sources/listen/intake.ts';
import { clientRights } from '../../../../core/listen/client-rights.ts';
import { createRedeliveryWindow } from '../../../../core/listen/redelivery-window.ts';
import { createRouter } from '../../../../core/listen/router.ts';
import type { SourceBatch } from '../../../../core/ports.ts';
import { listenPlan } from '../../../helpers/listen-rig.ts';

const plans = [listenPlan({ level: {} }, { maxInFlight: 4 })];

interface Offer {
  batch: SourceBatch;
  answer: (fate: 'committed' | 'not-now') => void;
  fail: (error: Error) => void;
}
let clock: ReturnType<typeof createManualClock>;
let offers: Offer[];
let state: Map<string, string>;
let broken: string[];

function open(): Intake {
  return createIntake(clock, {
    plans,
    route: createRouter(plans, clientRights(plans)),
    window: createRedeliveryWindow(4, state),
    sinkOf: () => ({
      offer: (batch) => new Promise((resolve, reject) => void offers.push({ batch, answer: resolve, fail: reject })),
    }),
    onBroken: (source, error) => void broken.push(`${source}: ${error.message}`),
  });
}
beforeEach(() => {
  clock = createManualClock();
  offers = [];
  state = new Map();
  broken = [];
});

const message = (rest: Partial<DeviceMessage> = {}): DeviceMessage => ({
  client: 'pump',
  connection: 1,
  persistent: true,
  topic: 'pump/level',
  payload: Buffer.from('5'),
  dup: false,
  packetId: 1,
  mayLinger: true,
  ...rest,
});

/** Whether each of them may be acknowledged by now. */
async function acknowledged(...taken: Promise<void>[]): Promise<boolean[]> {
  const done = taken.map(() => false);
  taken.forEach((one, at) => {
    void one.then(() => {
      done[at] = true;
    });
  });
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

function commit({ batch, answer }: Offer): void {
  for (const [key, entry] of Object.entries(batch.state ?? {})) state.set(key, entry as string);
  answer('committed');
}

test('a message may be acknowledged when its fate is durable, not before; a refused one too', async () => {
  const intake = open();
  const good = intake.take(message());
  const bad = intake.take(message({ packetId: 2, payload: Buffer.from('rubbish') }));
  expect(await acknowledged(good, bad)).toEqual([false, false]);
  expect(offers.map(({ batch }) => [batch.readings.length, batch.refused?.map(({ reason }) => reason)])).toEqual([
    [1, []],
    [0, ['unparsable']],
  ]);
  commit(offers[0]!);
  expect(await acknowledged(good, bad)).toEqual([true, false]);
  commit(offers[1]!);
  expect(await acknowledged(good, bad)).toEqual([true, true]);
});

test('a repetition waits for the fate of the first, offers nothing, and is known after a restart', async () => {
  const first = open();
  const taken = first.take(message());
  const again = first.take(message({ connection: 2, dup: true }));
  expect(await acknowledged(taken, again)).toEqual([false, false]);
  commit(offers[0]!);
  expect(await acknowledged(taken, again)).toEqual([true, true]);
  first.stop();

  const second = open();
  const afterwards = second.take(message({ dup: true }));
  const silently = second.take(message({ connection: 9 }));
  const other = second.take(message({ connection: 9, payload: Buffer.from('6') }));
  expect(await acknowledged(afterwards, silently, other)).toEqual([true, true, false]);
  expect(offers).toHaveLength(2);
  expect(second.counts()).toEqual({ messages: 1, redelivered: 2, unacknowledged: 0, held: 0 });
});

test('what takes long is not overtaken: else its device could go on, and it would be new when it comes again', async () => {
  const intake = open();
  const slow = intake.take(message({ packetId: 9 }));
  const others = [1, 2, 3, 4].map((packetId) =>
    intake.take(message({ packetId, payload: Buffer.from(String(packetId)) })),
  );
  const [first, ...rest] = offers;
  for (const offer of rest) commit(offer);
  first!.answer('not-now');
  // A device with a window of four would have sent the last of them only with an acknowledgement in hand.
  expect(await acknowledged(slow, ...others)).toEqual([false, false, false, false, false]);
  const elsewhere = intake.take(message({ connection: 2, packetId: 4, payload: Buffer.from('4'), dup: true }));
  expect(await acknowledged(elsewhere)).toEqual([true]);
  clock.advance(50);
  commit(offers.at(-1)!);
  expect(await acknowledged(slow, ...others)).toEqual([true, true, true, true, true]);
});

test('what a device forgot while it waited takes no place from what that device still has', async () => {
  const intake = open();
  const publish = (packetId: number): Promise<void> =>
    intake.take(message({ connection: packetId, packetId, payload: Buffer.from(String(packetId)) }));
  void publish(9);
  for (const packetId of [1, 2, 3, 4, 5, 6, 7, 8]) void publish(packetId);
  const [late, ...others] = offers;
  for (const offer of others) commit(offer);
  late!.answer('not-now');
  await acknowledged();
  clock.advance(50);
  commit(offers.at(-1)!);
  expect(offers.at(-1)!.batch).toMatchObject({ readings: [{ value: 9 }] });
  const again = open();
  for (const packetId of [1, 2, 3, 4, 5, 6, 7, 8]) {
    void again.take(message({ packetId, payload: Buffer.from(String(packetId)), dup: true }));
  }
  expect(again.counts().redelivered).toBe(8);
});

test('what was not committed is new after a restart', async () => {
  open().take(message());
  const again = open().take(message({ dup: true }));
  expect(await acknowledged(again)).toEqual([false]);
  expect(offers).toHaveLength(2);
});

test('"not now" keeps the order, is tried again ever more slowly, and acknowledges nothing meanwhile', async () => {
  const intake = open();
  const taken = [1, 2].map((packetId) => intake.take(message({ packetId, payload: Buffer.from(String(packetId)) })));
  for (const { answer } of offers.splice(0)) answer('not-now');
  expect(await acknowledged(...taken)).toEqual([false, false]);
  expect(intake.counts().held).toBe(2);
  taken.push(intake.take(message({ packetId: 3, payload: Buffer.from('3') })));
  expect(offers).toHaveLength(0);
  clock.advance(50);
  expect(offers.map(({ batch }) => batch.readings[0]!.value)).toEqual([1, 2, 3]);
  for (const { answer } of offers.splice(0)) answer('not-now');
  await acknowledged();
  clock.advance(99);
  expect(offers).toHaveLength(0);
  clock.advance(1);
  for (const offer of offers) commit(offer);
  expect(await acknowledged(...taken)).toEqual([true, true, true]);
  expect(intake.counts().held).toBe(0);
});

test('QoS 0 is taken and counted as such, and nothing is remembered of it', async () => {
  const intake = open();
  const taken = [intake.take(message({ packetId: undefined })), intake.take(message({ packetId: undefined }))];
  expect(offers.map(({ batch }) => batch.state)).toEqual([undefined, undefined]);
  for (const offer of offers) commit(offer);
  expect(await acknowledged(...taken)).toEqual([true, true]);
  expect(intake.counts()).toMatchObject({ messages: 0, unacknowledged: 2 });
});

test('a source whose journal is gone is told once a message meets it; the message is never acknowledged', async () => {
  const taken = open().take(message());
  offers[0]!.fail(new Error('the journal is gone'));
  expect(await acknowledged(taken)).toEqual([false]);
  expect(broken).toEqual(['pump: the journal is gone']);
});
