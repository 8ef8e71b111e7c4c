import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Random } from '../../core/ports.ts';
import { eventually, type Launched } from './processes.ts';

export interface Victim {
  name: string;
  launch(): Launched;
  /** Whether this life of it has got as far as its work. */
  works(life: Launched, startedMs: number): boolean;
  /** Changes something between two lives. */
  between?(): void;
}

/** Processes that are killed and started again; nobody may end but by our hand. */
export interface Killer {
  /** SIGKILLs so far. */
  readonly kills: number;
  /** Lives that ended before their work began. */
  readonly early: number;
  start(victim: Victim): Promise<void>;
  /** Kills these at one moment of the first one's life, and starts them again. */
  kill(victims: readonly Victim[], maxDelayMs?: number): Promise<void>;
  /** Kills and does not start again. */
  takeAway(victim: Victim): Promise<void>;
  running(victim: Victim): Launched;
  expectAlive(): void;
}

/** The share of lives that end while they start; the others end at a random moment of their work. */
const EARLY_SHARE = 0.25;
const EARLY_MS = 1_200;
/** A machine that does much else is slow; one that hangs is slower. */
const START_MS = 180_000;

/** @param random draws the moments: one seed, the same moments */
export function createKiller(random: Random): Killer {
  const lives = new Map<Victim, { life: Launched; startedMs: number }>();
  const counts = { kills: 0, early: 0 };

  const start = async (victim: Victim): Promise<void> => {
    victim.between?.();
    lives.set(victim, { life: victim.launch(), startedMs: Date.now() });
  };
  const expectAlive = (): void => {
    for (const [{ name }, { life }] of lives) {
      if (!life.isRunning()) throw new Error(`the ${name} ended by itself: ${life.out()} ${life.err().slice(-3_000)}`);
    }
  };
  const end = async (victim: Victim): Promise<void> => {
    const { life } = lives.get(victim)!;
    lives.delete(victim);
    expect((await life.end('SIGKILL')).signal).toBe('SIGKILL');
    counts.kills++;
  };
  const moment = async ([victim]: readonly Victim[], maxDelayMs: number): Promise<void> => {
    const { life, startedMs } = lives.get(victim!)!;
    const isEarly = random.fraction() < EARLY_SHARE;
    const delayMs = random.fraction() * (isEarly ? EARLY_MS : maxDelayMs);
    if (isEarly) counts.early++;
    else {
      await eventually(
        () => `the ${victim!.name} works, after ${counts.kills} kills: ${life.err().slice(-3_000)}`,
        () => {
          expectAlive();
          return victim!.works(life, startedMs);
        },
        START_MS,
        5,
      );
    }
    const untilMs = Date.now() + delayMs;
    await eventually('the moment comes', () => Date.now() >= untilMs, 60_000, 1);
    expectAlive();
  };

  return {
    get kills() {
      return counts.kills;
    },
    get early() {
      return counts.early;
    },
    start,
    async kill(victims, maxDelayMs = 600) {
      await moment(victims, maxDelayMs);
      await Promise.all(victims.map(end));
      for (const victim of victims) await start(victim);
    },
    async takeAway(victim) {
      await moment([victim], 300);
      await end(victim);
    },
    running: (victim) => lives.get(victim)!.life,
    expectAlive,
  };
}

/** Whether anything in a directory was written since. */
export function writtenSince(directory: string, sinceMs: number): boolean {
  try {
    return readdirSync(directory).some((name) => {
      const found = statSync(join(directory, name), { throwIfNoEntry: false });
      return found !== undefined && found.mtimeMs > sinceMs;
    });
  } catch {
    return false; // not made yet
  }
}

/** Makes the newest key of a node look so old that it is exchanged; the number of keys ever made. */
export function ageKeys(directory: string): void {
  const file = join(directory, 'keys.json');
  if (!statSync(file, { throwIfNoEntry: false })) return;
  const ring = JSON.parse(readFileSync(file, 'utf8')) as { keys: { sinceMs: number }[] };
  for (const key of ring.keys) key.sinceMs = 0;
  writeFileSync(file, JSON.stringify(ring));
}
