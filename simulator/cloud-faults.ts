import type { Dice } from './dice.ts';

/** How bad the cloud is; drawn once a seed, calm after the faults stop. Times in ms. */
export interface CloudFaults {
  /** Functions that handle batches at once, at most. */
  functions: number;
  /** Chance that a call takes time at all. */
  slowChance: number;
  meanCallMs: number;
  /** Chance per call that it is refused: S3 answers 503, a table is throttled. */
  refusedChance: number;
  /** Chance per call that is done and reported as failed, now or a moment later. */
  liesChance: number;
  /** Chance per transaction that another writer is said to have won. */
  conflictChance: number;
  /** Mean number of a process's calls until it dies before or after one. */
  meanCallsToDeath: number;
  /** Chance per call that the process stands still before it; another one handles its messages meanwhile. */
  freezeChance: number;
  meanFreezeMs: number;
  /** A function is ended then, or answers and goes on when it is woken. */
  timeoutMs: number;
  /** A message that was taken and not deleted comes again then. */
  visibilityMs: number;
  /** Chance that a message that was handled comes again all the same. */
  duplicateChance: number;
  /** Chance per batch that staged objects are lost while it is staged. */
  stagedLossChance: number;
  sweepEveryMs: number;
  /** Landed objects are compacted when they are so old. */
  compactAfterMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** @param sparse years of virtual time: what happens regularly happens seldom */
export function drawCloudFaults(dice: Dice, sparse: boolean): CloudFaults {
  const unlikely = (probability: number, most: number): number =>
    dice.chance(probability) ? dice.fraction() * most : 0;
  return {
    functions: dice.int(1, 4),
    slowChance: dice.pick([0.1, 0.3, 0.9]),
    meanCallMs: dice.pick([5, 50, 200]),
    refusedChance: unlikely(0.5, 0.03),
    liesChance: unlikely(0.5, 0.03),
    conflictChance: unlikely(0.4, 0.1),
    meanCallsToDeath: dice.chance(0.6) ? dice.pick([30, 150, 1_000]) : Number.POSITIVE_INFINITY,
    freezeChance: unlikely(0.5, 0.02),
    meanFreezeMs: dice.pick([10 * SECOND, 2 * MINUTE, 20 * MINUTE]),
    timeoutMs: dice.pick([20 * SECOND, 2 * MINUTE]),
    visibilityMs: dice.pick([5 * SECOND, 30 * SECOND, 6 * MINUTE]),
    duplicateChance: unlikely(0.5, 0.1),
    stagedLossChance: unlikely(0.4, 0.2),
    sweepEveryMs: sparse ? HOUR : dice.pick([5 * MINUTE, 20 * MINUTE, HOUR]),
    compactAfterMs: sparse ? 24 * HOUR : dice.pick([10 * SECOND, 5 * MINUTE, HOUR]),
  };
}

/** Makes the worst frequent, whatever the seed drew. */
export function focusOnCloud(faults: CloudFaults): void {
  faults.functions = 4;
  faults.slowChance = Math.max(faults.slowChance, 0.3);
  faults.liesChance = Math.max(faults.liesChance, 0.01);
  faults.meanCallsToDeath = Math.min(faults.meanCallsToDeath, 100);
  faults.freezeChance = Math.max(faults.freezeChance, 0.05);
  faults.stagedLossChance = Math.max(faults.stagedLossChance, 0.25);
}

/** Once nothing fails any more. */
export const calmed = (faults: CloudFaults): CloudFaults => ({
  ...faults,
  refusedChance: 0,
  liesChance: 0,
  conflictChance: 0,
  meanCallsToDeath: Number.POSITIVE_INFINITY,
  freezeChance: 0,
  duplicateChance: 0,
  stagedLossChance: 0,
  // Slow calls and a short time are a fault too: a batch of many lanes would never end.
  meanCallMs: Math.min(faults.meanCallMs, 50),
  timeoutMs: 15 * MINUTE,
});
