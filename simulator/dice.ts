import type { Random } from '../core/ports.ts';

/** Choices of one seed. Every draw comes from one sequence: the order of the draws is part of the run. */
export interface Dice extends Random {
  /** True with this probability. */
  chance(probability: number): boolean;
  /** Whole number, both ends included. */
  int(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  /** Memoryless waiting time with this mean, whole ms, at least 1, at most 20 means. */
  waitMs(meanMs: number): number;
}

export function createDice(random: Random): Dice {
  const int = (from: number, to: number): number => from + Math.floor(random.fraction() * (to - from + 1));
  return {
    ...random,
    chance: (probability) => probability > 0 && random.fraction() < probability,
    int,
    pick: (list) => list[int(0, list.length - 1)]!,
    waitMs: (meanMs) => Math.max(1, Math.ceil(-Math.log(1 - random.fraction() * (1 - Math.exp(-20))) * meanMs)),
  };
}
