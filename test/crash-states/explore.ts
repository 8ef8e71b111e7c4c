import { crc32 } from 'node:zlib';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { type CrashState, createCrashDisk } from './crash-disk.ts';
import { createKnown, type Known, type Note } from './known.ts';
import type { RingKeys } from './noting-key-ring.ts';
import type { DiskEvent } from './recording-disk.ts';

/** One state that a crash may leave, and what must be in it. */
export interface Crash {
  /** Which event was the last, which state after it. */
  name: string;
  kind: string;
  state: CrashState;
  known: Known;
  keys: RingKeys;
  seed: bigint;
}

export interface Explored {
  /** Opened and found good. */
  states: number;
  kinds: Record<string, number>;
  /** The first few that were not. */
  failures: string[];
}

export interface Exploration {
  seed: bigint;
  /** One in so many states is looked at, evenly over the run. @default 1 */
  every?: number;
  maxFailures?: number;
}

/**
 * Replays a recording event by event and has every different state looked at that a crash after it may leave. A state is
 * different if the directory is, or what must be in it.
 */
export async function explore(
  events: readonly DiskEvent<Note>[],
  { seed, every = 1, maxFailures = 5 }: Exploration,
  check: (crash: Crash) => Promise<void>,
): Promise<Explored> {
  const random = createSeededRandom(seed);
  const disk = createCrashDisk();
  const known = createKnown();
  const found: Explored = { states: 0, kinds: {}, failures: [] };
  let seen = new Set<number>();
  let offered = Math.floor(random.fraction() * every);
  for (const [index, event] of events.entries()) {
    if (event.do === 'note') {
      known.tell(event.note);
      // More is expected of the same directory now.
      if (event.note.is === 'appended' || event.note.is === 'keys') seen = new Set();
    } else disk.apply(event);
    for (const { kind, state } of disk.states(random)) {
      const hash = hashOf(state);
      if (seen.has(hash)) continue;
      seen.add(hash);
      if (offered++ % every !== 0) continue;
      const keys = random.fraction() < 0.5 ? known.keys.before : known.keys.after;
      const name = `after event ${index} (${nameOf(event)}), ${kind}`;
      try {
        await check({ name, kind, state, known, keys, seed: random.u64() });
        found.states++;
        found.kinds[kind] = (found.kinds[kind] ?? 0) + 1;
      } catch (error) {
        found.failures.push(`${name}: ${(error as Error).message}`);
        if (found.failures.length >= maxFailures) return found;
      }
    }
  }
  return found;
}

const nameOf = (event: DiskEvent<Note>): string => {
  if (event.do === 'note') return event.note.is;
  if (event.do === 'rename') return `rename ${event.from} ${event.to}`;
  return 'name' in event ? `${event.do} ${event.name}` : event.do;
};

function hashOf(state: CrashState): number {
  let hash = 0;
  for (const [name, bytes] of [...state].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash = crc32(bytes, crc32(`${name} ${bytes.length}`, hash));
  }
  return hash;
}
