import { createHash } from 'node:crypto';
import type { Cancel } from '../core/ports.ts';
import { createSeededRandom } from '../core/seeded-random.ts';
import { createDice, type Dice } from './dice.ts';
import { createEventQueue } from './event-queue.ts';

/** One life of a node or of the far side. What belongs to a dead one never happens any more. */
export interface Life {
  alive: boolean;
}

/** A broken invariant; ends the run. */
export interface Violation {
  invariant: string;
  detail: string;
  event: number;
  atMs: number;
}

export interface World {
  readonly dice: Dice;
  /** Virtual ms since the start, whole. */
  now(): number;
  /** Events run so far. */
  events(): number;
  /** Runs an event so many virtual ms from now; never if `life` has ended by then. */
  after(ms: number, label: string, run: () => void, life?: Life): Cancel;
  /** Resolves so many ms from now; never if `life` has ended by then. */
  pause(ms: number, label: string, life: Life): Promise<void>;
  /** Runs the next event and everything that follows from it at once; false if there is none. */
  step(): Promise<boolean>;
  /** Adds to the trace what an event did. */
  note(text: string): void;
  /** Counts a kind of fault as reached. */
  reached(fault: string): void;
  readonly faults: ReadonlyMap<string, number>;
  fail(invariant: string, detail: string): void;
  violation(): Violation | undefined;
  /** Over the whole trace so far. */
  traceHash(): string;
  lastLines(): readonly string[];
}

/** Each time another one: a promise that lives on would keep everything that ever waited for it. */
export const never = (): Promise<never> => new Promise(() => undefined);

const KEPT_LINES = 200;

/** @param watch sees each line of the trace */
export function createWorld(seed: bigint, watch?: (line: string) => void): World {
  const dice = createDice(createSeededRandom(seed));
  const queue = createEventQueue();
  const hash = createHash('sha256');
  const lines: string[] = [];
  const faults = new Map<string, number>();
  let now = 0;
  let events = 0;
  let violation: Violation | undefined;

  const note = (text: string): void => {
    const line = `${events} ${now} ${text}`;
    hash.update(line);
    lines.push(line);
    if (lines.length > 2 * KEPT_LINES) lines.splice(0, KEPT_LINES);
    watch?.(line);
  };
  const after = (ms: number, label: string, run: () => void, life?: Life): Cancel =>
    queue.add(now + Math.max(0, Math.ceil(ms)), label, life ? () => void (life.alive && run()) : run);

  return {
    dice,
    now: () => now,
    events: () => events,
    after,
    pause: (ms, label, life) => new Promise((resolve) => after(ms, label, resolve, life)),
    async step() {
      const event = queue.take();
      if (!event) return false;
      now = event.at;
      events++;
      note(event.label);
      event.run();
      // A turn of the real event loop: every promise job that the event set off has run when it comes.
      await new Promise((resolve) => setImmediate(resolve));
      return true;
    },
    note,
    reached: (fault) => void faults.set(fault, (faults.get(fault) ?? 0) + 1),
    faults,
    fail(invariant, detail) {
      violation ??= { invariant, detail, event: events, atMs: now };
    },
    violation: () => violation,
    traceHash: () => hash.copy().digest('hex'),
    lastLines: () => lines.slice(-KEPT_LINES),
  };
}
