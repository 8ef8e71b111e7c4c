import { NO_BUDGET } from '../core/budget-schema.ts';
import { DEFAULT_LIMITS, type ForwardLimits } from '../core/forward/settings.ts';
import type { NodePlan, SourcePlan, StreamPlan } from '../core/node-plan.ts';
import { type Lane, PRIORITY_CONTRACT, type Priorities, type Priority, type PriorityTerms } from '../core/priority.ts';
import type { StreamKind } from '../core/value.ts';
import type { CloudFaults } from './cloud-faults.ts';
import { drawCloudFaults, focusOnCloud } from './cloud-faults.ts';
import type { Dice } from './dice.ts';
import { FAR_SIDES, type FarSideKind } from './far-side.ts';
import type { HubFaults } from './hub-far-side.ts';
import type { Poison } from './poison.ts';
import type { DiskFaults } from './virtual-disk.ts';
import type { NetworkFaults } from './virtual-network.ts';

/** Mean times between faults, ms; infinite = never. Each seed has only some of the kinds, so that none hides another. */
export interface FaultTempo {
  crash: number;
  stop: number;
  diskTrouble: number;
  partition: number;
  reset: number;
  farCrash: number;
  farDeaf: number;
  clockJump: number;
  rot: number;
  /** Not a fault: somebody replays or discards dead letters. */
  deadLetters: number;
}

export interface Scenario {
  plans: NodePlan[];
  limits: ForwardLimits;
  /** Mean time between two batches of a source, ms. */
  meanBatchMs: number;
  burstChance: number;
  /** Share of readings that the border must refuse. */
  badInputChance: number;
  disk: DiskFaults;
  network: NetworkFaults;
  /** Which of the two far sides plays; the faults of the other one count for nothing. */
  farSide: FarSideKind;
  hub: HubFaults;
  cloud: CloudFaults;
  tempo: FaultTempo;
  /** Mean length of an outage of any kind, ms. */
  meanOutageMs: number;
  /** Until the faults stop. */
  poison: Poison | undefined;
}

export type FaultKind = keyof FaultTempo;
export const FAULT_KINDS: readonly FaultKind[] = [
  'crash',
  'stop',
  'diskTrouble',
  'partition',
  'reset',
  'farCrash',
  'farDeaf',
  'clockJump',
  'rot',
  'deadLetters',
];

/** `late`: many messages are overtaken by others that were sent after them. `contract`: few retries, short lives, refusals. */
export type Focus = FaultKind | FarSideKind | 'late' | 'contract';
export const FOCUSES: readonly Focus[] = [...FAULT_KINDS, ...FAR_SIDES, 'late', 'contract'];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param sparse years of virtual time: everything happens seldom */
export function drawScenario(dice: Dice, sparse: boolean): Scenario {
  const scale = sparse ? 10_000 : 1;
  const sometimes = (probability: number, meanMs: number): number =>
    dice.chance(probability) ? meanMs * scale * (0.3 + dice.fraction()) : Number.POSITIVE_INFINITY;
  const unlikely = (probability: number, most: number): number =>
    dice.chance(probability) ? dice.fraction() * most : 0;
  const nodes = dice.pick([1, 1, 1, 2, 2, 3]);
  return {
    plans: Array.from({ length: nodes }, (_, index) => drawPlan(dice, `node-${index + 1}`)),
    limits: {
      ...DEFAULT_LIMITS,
      maxFlights: dice.pick([2, 4, 16]),
      maxRecords: dice.pick([5, 20, 200]),
      statementEveryMs: sparse ? DAY : MINUTE,
    },
    meanBatchMs: sparse ? dice.pick([6 * HOUR, DAY, 3 * DAY]) : dice.pick([300, 1_000, 3_000]),
    burstChance: unlikely(0.6, 0.05),
    badInputChance: unlikely(0.7, 0.1),
    disk: {
      errorChance: unlikely(0.5, 0.02),
      meanOperationsToCrash: dice.chance(0.6) ? dice.pick([60, 300, 1_500]) : Number.POSITIVE_INFINITY,
    },
    network: {
      meanDelayMs: dice.pick([5, 50, 500, 3_000]),
      lossChance: unlikely(0.6, 0.2),
      duplicateChance: unlikely(0.6, 0.2),
      lateChance: unlikely(0.4, 0.03),
      meanLateMs: 2 * HOUR,
      silentTransportChance: unlikely(0.5, 0.1),
    },
    hub: {
      commitFailsChance: unlikely(0.5, 0.1),
      commitLiesChance: unlikely(0.5, 0.1),
      diesInCommitChance: unlikely(0.5, 0.02),
      conflictChance: unlikely(0.4, 0.1),
      readFailsChance: unlikely(0.4, 0.1),
      meanStoreMs: dice.pick([2, 20, 200]),
      meanDownMs: dice.pick([500, 10_000, 5 * MINUTE]),
    },
    tempo: {
      crash: sometimes(0.6, 2 * MINUTE),
      stop: sometimes(0.5, 5 * MINUTE),
      diskTrouble: sometimes(0.6, 3 * MINUTE),
      partition: sometimes(0.6, 3 * MINUTE),
      reset: sometimes(0.5, MINUTE),
      farCrash: sometimes(0.5, 3 * MINUTE),
      farDeaf: sometimes(0.5, 5 * MINUTE),
      clockJump: sometimes(0.5, 3 * MINUTE),
      rot: sometimes(0.5, 4 * MINUTE),
      deadLetters: sometimes(0.5, 3 * MINUTE),
    },
    meanOutageMs: dice.pick([2_000, 30_000, 10 * MINUTE]) * (sparse ? 10 : 1),
    farSide: dice.pick(FAR_SIDES),
    poison: dice.chance(0.5) ? drawPoison(dice) : undefined,
    cloud: drawCloudFaults(dice, sparse),
  };
}

/** Makes some kinds of fault frequent, or chooses the far side, whatever the seed drew. */
export function focusOn(scenario: Scenario, kinds: readonly Focus[]): void {
  for (const kind of kinds) {
    if (isFarSide(kind)) scenario.farSide = kind;
    else if (kind === 'contract') focusOnContract(scenario);
    else if (kind === 'late') Object.assign(scenario.network, { lateChance: 0.15, meanLateMs: MINUTE });
    else scenario.tempo[kind] = MINUTE / 4;
  }
  if (kinds.includes('diskTrouble')) scenario.disk.errorChance = 0.03;
  if (kinds.includes('cloud')) focusOnCloud(scenario.cloud);
}

function focusOnContract(scenario: Scenario): void {
  const short = { retries: 2, initialTimeoutMs: 1_000, maxTimeoutMs: 10_000, ttlMs: MINUTE };
  const { critical, high, normal, low } = PRIORITY_CONTRACT;
  for (const plan of scenario.plans) {
    plan.priorities = {
      critical,
      high: { ...high, ...short },
      normal: { ...normal, ...short },
      low: { ...low, ...short },
    };
  }
  scenario.poison ??= { lane: 2, every: 3, reason: 'not-allowed' };
}

const isFarSide = (kind: Focus): kind is FarSideKind => FAR_SIDES.some((known) => known === kind);

function drawPlan(dice: Dice, node: string): NodePlan {
  const maxBytes = dice.pick([64, 128, 256, 1024]) * 1024;
  return {
    fleet: 'simulated',
    node,
    site: 'site-1',
    seed: 1,
    journal: { maxBytes, localBytes: Math.floor(maxBytes / dice.pick([4, 8])), rotateKeys: 90 * DAY },
    priorities: dice.chance(0.4) ? PRIORITY_CONTRACT : drawPriorities(dice),
    budget: NO_BUDGET,
    uplinks: [{ name: 'hub', type: 'hub', host: 'virtual', port: 1 }],
    failover: { unreachableFor: 60_000, silentFor: 180_000, probeEvery: 60_000, steadyFor: 30_000 },
    sources: Array.from({ length: dice.int(1, 3) }, (_, index) => drawSource(dice, `source-${index}`)),
  };
}

const drawPoison = (dice: Dice): Poison => ({
  lane: dice.pick<Lane>([0, 1, 2, 2, 3]),
  every: dice.pick([1, 3, 20, 200]),
  reason: dice.pick(['not-allowed', 'undecodable', 'kills-handler', 'too-large']),
});

/** Few retries, short waits, short lives: what takes the contract weeks happens within an hour. */
function drawPriorities(dice: Dice): Priorities {
  const terms = (priority: Priority): PriorityTerms => ({
    ...PRIORITY_CONTRACT[priority],
    initialTimeoutMs: dice.pick([1_000, 5_000]),
    maxTimeoutMs: dice.pick([10_000, MINUTE]),
    retries: priority === 'critical' ? 'infinite' : dice.int(0, 3),
    ttlMs: priority === 'critical' ? 'never' : dice.pick([MINUTE, 5 * MINUTE, 30 * MINUTE, 'never']),
  });
  return { critical: terms('critical'), high: terms('high'), normal: terms('normal'), low: terms('low') };
}

const drawSource = (dice: Dice, name: string): SourcePlan => ({
  name,
  config: { type: 'simulate', every: 1_000 },
  devices: Array.from({ length: dice.int(1, 3) }, (_, index) => `${name}-device-${index}`),
  streams: Array.from({ length: dice.int(1, 4) }, (_, index) => drawStream(dice, `${name}-stream-${index}`)),
});

function drawStream(dice: Dice, name: string): StreamPlan {
  const kind = dice.chance(0.7) ? 'number' : dice.pick<StreamKind>(['text', 'text', 'log', 'json', 'array']);
  return {
    name,
    kind,
    unit: undefined,
    // As `check` demands: the filter compares single values only.
    filter: kind === 'number' || kind === 'text' ? dice.pick(FILTERS) : { type: 'none' },
    lane: dice.pick<Lane>([0, 1, 2, 2, 3]),
    syncMs: dice.pick([0, 1_000, 1_000, 10_000, MINUTE, 5 * MINUTE, 'on-demand' as const]),
    simulate: undefined,
  };
}

const FILTERS: readonly StreamPlan['filter'][] = [
  { type: 'none' },
  { type: 'none' },
  { type: 'change', percent: 5 },
  { type: 'change', band: 0.5 },
  { type: 'change', percent: 1, band: 10 },
];
