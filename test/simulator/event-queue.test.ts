import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createEventQueue } from '../../simulator/event-queue.ts';

test('events come by time, those of one moment in the order in which they were added, cancelled ones never', () => {
  const additions = fc.array(fc.record({ at: fc.integer({ min: 0, max: 20 }), cancelled: fc.boolean() }));
  fc.assert(
    fc.property(additions, (added) => {
      const queue = createEventQueue();
      added.forEach(({ at, cancelled }, index) => {
        const cancel = queue.add(at, String(index), () => undefined);
        if (cancelled) cancel();
      });
      const expected = added
        .map(({ at, cancelled }, index) => ({ at, cancelled, label: String(index) }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => a.at - b.at)
        .map(({ label }) => label);
      const found: string[] = [];
      for (let event = queue.take(); event; event = queue.take()) found.push(event.label);
      expect(found).toEqual(expected);
    }),
  );
});
