import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createPace, type PaceLimits } from '../../../adapters/mqtt/pace.ts';

const LIMITS: PaceLimits = { publishesPerSecond: 4, bytesPerSecond: 1_000, unacknowledged: 3 };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no second holds more than the limits, nothing is forgotten, urgent ones overtake, order is kept', async () => {
  const message = fc.record({
    bytes: fc.integer({ min: 1, max: 600 }),
    urgent: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 700 }),
    pubackMs: fc.integer({ min: 0, max: 900 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 25 }), async (messages) => {
      const clock = createManualClock();
      const pace = createPace(clock, LIMITS);
      const sent: { index: number; atMs: number; bytes: number; urgent: boolean }[] = [];
      let open = 0;
      let mostOpen = 0;
      const startOf = (index: number): number => messages.slice(0, index + 1).reduce((sum, m) => sum + m.afterMs, 0);
      const all = messages.map(async ({ bytes, urgent, pubackMs }, index) => {
        await new Promise<void>((resolve) => clock.after(startOf(index), resolve));
        await pace.run(bytes, urgent, () => {
          sent.push({ index, atMs: clock.monotonicMs(), bytes, urgent });
          mostOpen = Math.max(mostOpen, ++open);
          return new Promise((resolve) => {
            clock.after(pubackMs, () => {
              open--;
              resolve();
            });
          });
        });
      });
      for (let passed = 0; sent.length < messages.length || open > 0; passed += 50) {
        expect(passed).toBeLessThan(120_000);
        await turn();
        clock.advance(50);
      }
      await Promise.all(all);
      expect(mostOpen).toBeLessThanOrEqual(LIMITS.unacknowledged);
      for (const { atMs } of sent) {
        const second = sent.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1_000);
        expect(second.length).toBeLessThanOrEqual(LIMITS.publishesPerSecond);
        expect(second.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(LIMITS.bytesPerSecond);
      }
      for (const urgent of [true, false]) {
        const order = sent.filter((one) => one.urgent === urgent).map(({ index }) => index);
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
    }),
    { numRuns: 60 },
  );
});

test('within the limits nothing waits; over them it goes as soon as the second has passed, not later', async () => {
  const clock = createManualClock();
  const pace = createPace(clock, { ...LIMITS, unacknowledged: 100 });
  const sentMs: number[] = [];
  const send = (): Promise<void> => pace.run(10, false, async () => void sentMs.push(clock.monotonicMs()));
  const sends = Array.from({ length: 9 }, send);
  clock.advance(999);
  await turn();
  expect(sentMs).toEqual([0, 0, 0, 0]);
  clock.advance(1);
  await turn();
  clock.advance(1_000);
  await Promise.all(sends);
  expect(sentMs).toEqual([0, 0, 0, 0, 1_000, 1_000, 1_000, 1_000, 2_000]);
});

test('an urgent one that comes last goes first', async () => {
  const clock = createManualClock();
  const pace = createPace(clock, { publishesPerSecond: 1, bytesPerSecond: 1_000, unacknowledged: 10 });
  const order: string[] = [];
  const send = (name: string, urgent: boolean): Promise<void> => pace.run(1, urgent, async () => void order.push(name));
  const sends = [send('first', false), send('bulk', false), send('critical', true)];
  clock.advance(1_000);
  clock.advance(1_000);
  await Promise.all(sends);
  expect(order).toEqual(['first', 'critical', 'bulk']);
});

test('a refused publish frees its place and rejects its sender alone', async () => {
  const pace = createPace(createManualClock(), { ...LIMITS, unacknowledged: 1 });
  const failing = pace.run(1, false, () => Promise.reject(new Error('refused')));
  const next = pace.run(1, false, async () => {});
  await expect(failing).rejects.toThrow('refused');
  await next;
});

test('when the link is lost, whoever waits is rejected and is not sent later', async () => {
  const clock = createManualClock();
  const pace = createPace(clock, { ...LIMITS, publishesPerSecond: 1 });
  let sent = 0;
  const send = (): Promise<void> => pace.run(1, false, async () => void sent++);
  await send();
  const waiting = [send(), send()].map((promise) => expect(promise).rejects.toThrow('link lost'));
  pace.drop(new Error('link lost'));
  await Promise.all(waiting);
  clock.advance(10_000);
  await turn();
  expect(sent).toBe(1);
});
