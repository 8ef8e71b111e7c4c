import type { Cancel } from '../core/ports.ts';

export interface QueuedEvent {
  /** Virtual ms, whole. */
  at: number;
  /** Events of one moment run in the order in which they were put here. */
  order: number;
  label: string;
  run: () => void;
  cancelled: boolean;
}

export interface EventQueue {
  add(at: number, label: string, run: () => void): Cancel;
  /** The next event that is not cancelled. */
  take(): QueuedEvent | undefined;
}

/** A binary heap over (time, order). */
export function createEventQueue(): EventQueue {
  const heap: QueuedEvent[] = [];
  let order = 0;
  const before = (a: QueuedEvent, b: QueuedEvent): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  const siftUp = (event: QueuedEvent): void => {
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  };

  const removeFirst = (): QueuedEvent | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  };

  return {
    add(at, label, run) {
      const event: QueuedEvent = { at, order: order++, label, run, cancelled: false };
      siftUp(event);
      return () => {
        event.cancelled = true;
      };
    },
    take() {
      for (let event = removeFirst(); event !== undefined; event = removeFirst()) {
        if (!event.cancelled) return event;
      }
      return undefined;
    },
  };
}
