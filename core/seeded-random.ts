import type { Random } from './ports.ts';

/** Deterministic random numbers: splitmix64 (Steele, Lea and Flood, OOPSLA 2014). Same seed, same sequence. */
export function createSeededRandom(seed: bigint): Random {
  let state = BigInt.asUintN(64, seed);
  const u64 = (): bigint => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let mixed = state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  };
  return { u64, fraction: () => Number(u64() >> 11n) / 2 ** 53 };
}
