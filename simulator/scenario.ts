import type { ForwardLimits } from '../core/forward/plan.ts';
import type { NodePlan, SourcePlan, StreamPlan } from '../core/node-plan.ts';
import type { Lane } from '../core/priority.ts';
import type { CloudFaults } from './cloud-faults.ts';
import { drawCloudFaults, focusOnCloud } from './cloud-faults.ts';
import type { Dice } from './dice.ts';
import { FAR_SIDES, type FarSideKind } from './far-side.ts';
import type { HubFaults } from './hub-far-side.ts';
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
];

/** `late`: many messages are overtaken by others that were sent after them. */
export type Focus = FaultKind | FarSideKind | 'late';
export const FOCUSES: readonly Focus[] = [...FAULT_KINDS, ...FAR_SIDES, 'late'];

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
    },
    meanOutageMs: dice.pick([2_000, 30_000, 10 * MINUTE]) * (sparse ? 10 : 1),
    farSide: dice.pick(FAR_SIDES),
    cloud: drawCloudFaults(dice, sparse),
  };
}

/** Makes some kinds of fault frequent, or chooses the far side, whatever the seed drew. */
export function focusOn(scenario: Scenario, kinds: readonly Focus[]): void {
  for (const kind of kinds) {
    if (isFarSide(kind)) scenario.farSide = kind;
    else if (kind === 'late') Object.assign(scenario.network, { lateChance: 0.15, meanLateMs: MINUTE });
    else scenario.tempo[kind] = MINUTE / 4;
  }
  if (kinds.includes('diskTrouble')) scenario.disk.errorChance = 0.03;
  if (kinds.includes('cloud')) focusOnCloud(scenario.cloud);
}

const isFarSide = (kind: Focus): kind is FarSideKind => FAR_SIDES.some((known) => known === kind);

function drawPlan(dice: Dice, node: string): NodePlan {
  const maxBytes = dice.pick([64, 128, 256, 1024]) * 1024;
  return {
    fleet: 'simulated',
    node,
    site: 'site-1',
    seed: 1,
    journal: { maxBytes, localBytes: Math.floor(maxBytes / dice.pick([4, 8])) },
    uplink: { type: 'hub', host: 'virtual', port: 1 },
    sources: Array.from({ length: dice.int(1, 3) }, (_, index) => drawSource(dice, `source-${index}`)),
  };
}

const drawSource = (dice: Dice, name: string): SourcePlan => ({
  name,
  config: { type: 'simulate', every: 1_000 },
  devices: Array.from({ length: dice.int(1, 3) }, (_, index) => `${name}-device-${index}`),
  streams: Array.from({ length: dice.int(1, 4) }, (_, index) => drawStream(dice, `${name}-stream-${index}`)),
});

const drawStream = (dice: Dice, name: string): StreamPlan => ({
  name,
  kind: dice.chance(0.8) ? 'number' : 'text',
  unit: undefined,
  filter: dice.pick([
    { type: 'none' as const },
    { type: 'none' as const },
    { type: 'change' as const, percent: 5 },
    { type: 'change' as const, band: 0.5 },
    { type: 'change' as const, percent: 1, band: 10 },
  ]),
  lane: dice.pick<Lane>([0, 1, 2, 2, 3]),
  syncMs: dice.pick([0, 1_000, 1_000, 10_000, MINUTE, 5 * MINUTE, 'on-demand' as const]),
  simulate: undefined,
});
