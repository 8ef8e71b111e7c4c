import { PRIORITY_CONTRACT } from '../core/priority.ts';
import { focusOnCloud } from './cloud-faults.ts';
import { FAR_SIDES, type FarSideKind } from './far-side.ts';
import { FAULT_KINDS, type FaultKind, listening, MINUTE, QUICK, type Scenario } from './scenario.ts';

/**
 * `late`: many messages are overtaken by others that were sent after them. `contract`: few retries, short lives, refusals.
 * `listen`: every source is a group of devices that publish to the node. `failover`: each node has two far sides.
 * `windows`: every node has connect windows.
 */
export type Focus = FaultKind | FarSideKind | 'late' | 'contract' | 'listen' | 'failover' | 'windows';
export const FOCUSES: readonly Focus[] = [
  ...FAULT_KINDS,
  ...FAR_SIDES,
  'late',
  'contract',
  'listen',
  'failover',
  'windows',
];

/** Makes some kinds of fault frequent, or chooses the far side, whatever the seed drew. */
export function focusOn(scenario: Scenario, kinds: readonly Focus[]): void {
  for (const kind of kinds) {
    if (isFarSide(kind)) scenario.farSides = [kind];
    else if (kind === 'contract') focusOnContract(scenario);
    else if (kind === 'listen') focusOnListen(scenario);
    else if (kind === 'failover') focusOnFailover(scenario);
    else if (kind === 'windows')
      continue; // drawn apart from all else, windows.ts
    else if (kind === 'late') Object.assign(scenario.network, { lateChance: 0.15, meanLateMs: MINUTE });
    else scenario.tempo[kind] = MINUTE / 4;
  }
  if (kinds.includes('diskTrouble')) scenario.disk.errorChance = 0.03;
  if (kinds.includes('cloud')) focusOnCloud(scenario.cloud);
  if (kinds.includes('pull')) focusOnPull(scenario);
}

function focusOnListen(scenario: Scenario): void {
  scenario.deviceBreakChance = 0.1;
  for (const plan of scenario.plans) plan.sources = plan.sources.map((source) => listening(source, 3, 'value', false));
}

function focusOnFailover(scenario: Scenario): void {
  const [first] = scenario.farSides;
  scenario.farSides = [first!, scenario.farSides[1] ?? (first === 'hub' ? 'cloud' : 'hub')];
  Object.assign(scenario.tempo, { partition: MINUTE, farDeaf: MINUTE });
  for (const plan of scenario.plans) plan.failover = QUICK;
}

/** Half of the streams stay local. */
function focusOnPull(scenario: Scenario): void {
  for (const plan of scenario.plans) {
    plan.sources = plan.sources.map((source) => ({
      ...source,
      streams: source.streams.map((stream, at) =>
        at % 2 === 0 ? { ...stream, syncMs: 'on-demand' as const } : stream,
      ),
    }));
  }
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
