import { NO_BUDGET } from '../core/budget-schema.ts';
import { DEFAULT_LIMITS, type ForwardLimits } from '../core/forward/settings.ts';
import type { ListenSourceConfig } from '../core/listen/schema.ts';
import type { NodePlan, SourcePlan, StreamPlan } from '../core/node-plan.ts';
import {
  type Lane,
  PRIORITY_CONTRACT,
  type Priorities,
  type Priority,
  type PriorityTerms,
  priorityOf,
} from '../core/priority.ts';
import type { StreamKind } from '../core/value.ts';
import type { CloudFaults } from './cloud-faults.ts';
import { drawCloudFaults } from './cloud-faults.ts';
import type { Dice } from './dice.ts';
import { FAR_SIDES, type FarSideKind } from './far-side.ts';
import type { HubFaults } from './hub-far-side.ts';
import type { Poison } from './poison.ts';
import type { DiskFaults } from './virtual-disk.ts';
import type { NetworkFaults } from './virtual-network.ts';
import type { Windows } from './windows.ts';

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
  /** Nor this: somebody pulls what stayed local. */
  pull: number;
}

export interface Scenario {
  plans: NodePlan[];
  limits: ForwardLimits;
  /** Mean time between two batches of a source, ms. */
  meanBatchMs: number;
  burstChance: number;
  /** Chance per turn of a device that publishes to the node that its connection breaks. */
  deviceBreakChance: number;
  /** Share of readings that the border must refuse. */
  badInputChance: number;
  disk: DiskFaults;
  network: NetworkFaults;
  /** Where the nodes deliver to, in order of preference: one far side or two. */
  farSides: FarSideKind[];
  hub: HubFaults;
  cloud: CloudFaults;
  tempo: FaultTempo;
  /** Mean length of an outage of any kind, ms. */
  meanOutageMs: number;
  /** Until the faults stop. */
  poison: Poison | undefined;
  /** When the nodes may connect; undefined = always. */
  windows: Windows | undefined;
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
  'pull',
];

export const MINUTE = 60_000;
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
  const scenario: Scenario = {
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
    deviceBreakChance: unlikely(0.8, 0.1),
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
      deadLetters: sometimes(0.8, MINUTE / 2),
      pull: sometimes(0.7, MINUTE),
    },
    meanOutageMs: dice.pick([2_000, 30_000, 10 * MINUTE]) * (sparse ? 10 : 1),
    farSides: dice.chance(0.35) ? [dice.pick(FAR_SIDES), dice.pick(FAR_SIDES)] : [dice.pick(FAR_SIDES)],
    poison: undefined,
    windows: undefined,
    cloud: drawCloudFaults(dice, sparse),
  };
  if (dice.chance(0.6)) poison(scenario, dice);
  return scenario;
}

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
    uplinks: [],
    failover: dice.chance(0.7) ? QUICK : AS_SHIPPED,
    sources: Array.from({ length: dice.int(1, 3) }, (_, index) => drawSource(dice, `source-${index}`)),
  };
}

/** Of a class that there is; mostly its retries are soon used up, so that there are dead letters to replay. */
function poison(scenario: Scenario, dice: Dice): void {
  const lanes = scenario.plans.flatMap(({ sources }) =>
    sources.flatMap(({ streams }) => streams.map(({ lane }) => lane)),
  );
  const lane = dice.pick(lanes);
  scenario.poison = {
    lane,
    every: dice.pick([1, 3, 20, 200]),
    reason: dice.pick(['not-allowed', 'undecodable', 'kills-handler', 'too-large']),
  };
  if (lane === 0 || dice.chance(0.3)) return;
  const priority = priorityOf(lane);
  for (const plan of scenario.plans) {
    const terms = {
      ...plan.priorities[priority],
      initialTimeoutMs: 1_000,
      maxTimeoutMs: 5_000,
      retries: dice.int(0, 2),
    };
    plan.priorities = { ...plan.priorities, [priority]: terms };
  }
}

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

const AS_SHIPPED = { unreachableFor: MINUTE, silentFor: 3 * MINUTE, probeEvery: MINUTE, steadyFor: MINUTE / 2 };
export const QUICK = { unreachableFor: 5_000, silentFor: 20_000, probeEvery: 10_000, steadyFor: 5_000 };

function drawSource(dice: Dice, name: string): SourcePlan {
  const source: SourcePlan = {
    name,
    config: { type: 'simulate', every: 1_000 },
    devices: Array.from({ length: dice.int(1, 3) }, (_, index) => `${name}-device-${index}`),
    streams: Array.from({ length: dice.int(1, 4) }, (_, index) => drawStream(dice, `${name}-stream-${index}`)),
  };
  if (!dice.chance(0.3)) return source;
  return listening(source, dice.pick([1, 2, 4, 16]), dice.pick(['value', 'object']), dice.chance(0.5));
}

/** The same as devices that publish to the node; they have numbers and texts only. */
export function listening(
  source: SourcePlan,
  maxInFlight: number,
  format: 'value' | 'object',
  hasTime: boolean,
): SourcePlan & { config: ListenSourceConfig } {
  const time = { column: 't', format: 'epoch-ms' as const };
  return {
    ...source,
    config: {
      type: 'listen',
      host: 'virtual',
      port: 8_884,
      credentials: '',
      maxInFlight,
      maxPayload: 65_536,
      maxRate: 1_000,
      topic: '{device}/{stream}',
      format,
      gateways: {},
      ...(format === 'object' && hasTime && { time }),
    },
    streams: source.streams.map((stream) =>
      stream.kind === 'json' || stream.kind === 'array' ? { ...stream, kind: 'log' as const } : stream,
    ),
  };
}

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
