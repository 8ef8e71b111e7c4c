import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFairQueue } from '../../core/fair-queue.ts';

const member = fc.constantFrom('a', 'b', 'c', 'd');
const cost = fc.integer({ min: 1, max: 130_000 });

test('law: nothing is lost or doubled, each member in the order of its calls, whatever is taken and removed between', () => {
  const call = fc.oneof(
    fc.record({ type: fc.constant('push' as const), member, cost }),
    fc.record({ type: fc.constant('take' as const) }),
    fc.record({ type: fc.constant('peek' as const) }),
    fc.record({ type: fc.constant('remove' as const), member }),
  );
  fc.assert(
    fc.property(fc.array(call, { maxLength: 300 }), (calls) => {
      const queue = createFairQueue<number>();
      const waiting = new Map<string, { id: number; cost: number }[]>();
      let size = 0;
      calls.forEach((one, id) => {
        if (one.type === 'push') {
          queue.push(one.member, one.cost, id);
          waiting.set(one.member, [...(waiting.get(one.member) ?? []), { id, cost: one.cost }]);
          size += 1;
        } else if (one.type === 'remove') {
          const gone = waiting.get(one.member) ?? [];
          expect(queue.remove(one.member)).toEqual(gone.map(({ id: of }) => of));
          waiting.delete(one.member);
          size -= gone.length;
        } else {
          const next = queue.peek();
          const taken = one.type === 'take' ? queue.take() : undefined;
          expect(next === undefined).toBe(size === 0);
          if (!taken) return;
          expect(taken.cost).toBe(next!.cost);
          expect({ id: taken.item, cost: taken.cost }).toEqual(waiting.get(taken.member)!.shift());
          size -= 1;
        }
        expect(queue.size).toBe(size);
      });
    }),
  );
});

test('law: members that always have something waiting get equal parts, however large their items are', () => {
  fc.assert(
    fc.property(fc.array(cost, { minLength: 2, maxLength: 6 }), (costs) => {
      const queue = createFairQueue<undefined>();
      const taken = costs.map(() => 0);
      costs.forEach((size, index) => void queue.push(String(index), size, undefined));
      for (let turn = 0; turn < 3_000; turn++) {
        const { member: name, cost: size } = queue.take()!;
        taken[Number(name)]! += size;
        queue.push(name, size, undefined);
        queue.push(name, size, undefined); // never empty, or it would save nothing up
      }
      // The bound of deficit round robin: one quantum and one item.
      expect(Math.max(...taken) - Math.min(...taken)).toBeLessThanOrEqual(2 * (16 * 1024 + Math.max(...costs)));
    }),
  );
});

test('who comes to a long queue of another does not wait for its end', () => {
  const queue = createFairQueue<string>();
  for (let index = 0; index < 1_000; index++) queue.push('flood', 10_000, 'flood');
  for (let index = 0; index < 10; index++) queue.take();
  queue.push('late', 10_000, 'late');
  const next = [queue.take(), queue.take(), queue.take()].map((one) => one!.item);
  expect(next).toContain('late');
});
