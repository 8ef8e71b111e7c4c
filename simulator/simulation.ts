import type { SourcePlan } from '../core/node-plan.ts';
import { checkEnd, isSettled, noteFates, waitingText } from './check-end.ts';
import { checkBounds, checkNode, type Problem } from './check-node.ts';
import type { FarSideKind } from './far-side.ts';
import { heal, playFaults } from './fault-plan.ts';
import { type Focus, focusOn } from './focus.ts';
import { createListenDriver } from './listen-driver.ts';
import { createNodeModel, type NodeModel } from './node-model.ts';
import { pullsOfAll, replayLetters } from './operator.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { createSides } from './sides.ts';
import { createSourceDriver, type SourceDriver } from './source-driver.ts';
import type { VirtualWallClock } from './virtual-clock.ts';
import { createVirtualDisk } from './virtual-disk.ts';
import { createVirtualLink } from './virtual-network.ts';
import { createVirtualNode, type VirtualNode } from './virtual-node.ts';
import { watched } from './watched-link.ts';
import { drawWindows, withinWindows } from './windows.ts';
import { createWorld, type Violation, type World } from './world.ts';

export interface SimulationOptions {
  seed: bigint;
  /** The faults stop after so many events. @default 20,000 */
  maxEvents?: number | undefined;
  /** The faults stop after so many years of virtual time; everything happens seldom then. */
  years?: number | undefined;
  /** Kinds of fault that are to be frequent, whatever the seed draws. */
  focus?: readonly Focus[] | undefined;
  /** Sees each line of the trace. */
  watch?: (line: string) => void;
}

export interface SimulationResult {
  seed: bigint;
  violation: Violation | undefined;
  events: number;
  virtualMs: number;
  crashes: number;
  restarts: number;
  farSides: readonly FarSideKind[];
  farSideCrashes: number;
  rows: number;
  faults: ReadonlyMap<string, number>;
  traceHash: string;
  lastLines: readonly string[];
}

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
/** Once nothing fails any more everything must have arrived within this time: four of the longest timeouts. */
const SETTLING_MS = 16 * HOUR;
/** And without a storm: an envelope that is sent and refused for ever is no progress either. */
const SETTLING_EVENTS = 150_000;

/** Nor takes an operator's errand longer. */
const ERRAND_EVENTS = 10_000;

/** Runs one seed: the whole system in virtual time, faults and all; then without faults until it has settled. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed } = options;
  const maxEvents = options.maxEvents ?? (options.years === undefined ? 20_000 : Number.POSITIVE_INFINITY);
  const world = createWorld(seed, options.watch);
  const scenario = drawScenario(world.dice, options.years !== undefined);
  focusOn(scenario, options.focus ?? []);
  drawWindows(scenario, seed, options.focus?.includes('windows') === true);
  const endMs = options.years === undefined ? Number.POSITIVE_INFINITY : options.years * YEAR;
  let calm = false;
  const parts = build(world, scenario, () => calm);
  playFaults(world, scenario, parts.nodes, parts.sides.all, () => calm);
  for (const node of parts.nodes) node.start();

  let steps = 0;
  const step = async (): Promise<boolean> => {
    if (!(await world.step())) return false;
    const problem = parts.check(steps++);
    if (problem) world.fail(problem.invariant, problem.detail);
    return world.violation() === undefined;
  };
  const settle = async (): Promise<void> => {
    const deadline = world.now() + SETTLING_MS;
    const lastEvent = world.events() + SETTLING_EVENTS;
    while (world.now() < deadline && world.events() < lastEvent && !parts.settled() && (await step()));
    if (world.violation() !== undefined || parts.settled()) return;
    const { invariant, detail } = parts.whatWaits();
    world.fail(invariant, detail);
  };
  /** Plays on until it is done; false if the process died over it. */
  const during = async (node: VirtualNode, work: Promise<unknown>): Promise<boolean> => {
    const up = node.running();
    let done = false;
    const end = (): void => {
      done = true;
    };
    work.then(end, end);
    const lastEvent = world.events() + ERRAND_EVENTS;
    while (!done && node.running() === up && world.events() < lastEvent && (await step()));
    if (!done && node.running() === up) world.fail('an operator gets an answer', `after ${ERRAND_EVENTS} events`);
    return done && node.running() === up;
  };
  /** What was put aside travels after all: dead letters, and what stayed local. */
  const bringBack = async (node: VirtualNode): Promise<void> => {
    for (let again = true; again && world.violation() === undefined; ) {
      await settle();
      const up = node.running();
      if (!up) return;
      again = !(await during(
        node,
        up.deadLetters.list().then((letters) => replayLetters(world, node, letters)),
      ));
      for (const request of pullsOfAll(node)) again ||= !(await during(node, node.pull(request)));
    }
  };
  while (world.events() < maxEvents && world.now() < endMs && (await step()));
  if (world.violation() === undefined) {
    calm = true;
    world.note('no more faults');
    heal(world, parts.nodes, parts.sides.all);
    for (const node of parts.nodes) await bringBack(node);
    await settle();
    if (world.violation() === undefined) {
      const problem = await parts.checkAll();
      if (problem) world.fail(problem.invariant, problem.detail);
    }
  }
  for (const node of parts.nodes) noteFates(world, node);
  const sum = (of: (node: VirtualNode) => number): number => parts.nodes.reduce((total, node) => total + of(node), 0);
  return {
    seed,
    violation: world.violation(),
    events: world.events(),
    virtualMs: world.now(),
    crashes: sum((node) => node.crashes()),
    restarts: sum((node) => Math.max(0, node.starts() - 1)),
    farSides: scenario.farSides,
    farSideCrashes: parts.sides.all.reduce((total, { far }) => total + far.crashes(), 0),
    rows: parts.sides.rows(),
    faults: world.faults,
    traceHash: world.traceHash(),
    lastLines: world.lastLines(),
  };
}

function build(world: World, scenario: Scenario, calm: () => boolean) {
  const { dice } = world;
  const models = new Map<string, NodeModel>();
  const nodes: VirtualNode[] = [];
  const sides = createSides(world, scenario, { models, nodes, calm });
  let uid = 0;
  const driverOf = (source: SourcePlan, model: NodeModel): SourceDriver => {
    const { config } = source;
    const more = (): boolean => !calm();
    const nextUid = (): number => ++uid;
    const settings = { canWait: dice.chance(0.5), ...scenario };
    if (config.type !== 'listen') return createSourceDriver(world, source, model, settings, nextUid, more);
    const { network, deviceBreakChance } = scenario;
    const listen = { ...settings, meanDelayMs: network.meanDelayMs, breakChance: deviceBreakChance };
    return createListenDriver(world, { ...source, config }, model, listen, nextUid, more);
  };
  for (const drawn of scenario.plans) {
    const model = createNodeModel(world.now);
    const uplinks = sides.all.map(({ id }) => ({ name: `to-${id}`, type: 'hub' as const, host: 'virtual', port: 1 }));
    const plan = { ...drawn, uplinks };
    const wall: VirtualWallClock = { offsetsMs: [0], skew: 0, state: 'synced' };
    models.set(plan.node, model);
    nodes.push(
      createVirtualNode(world, {
        plan,
        limits: scenario.limits,
        model,
        disk: createVirtualDisk(world, plan.node, scenario.disk),
        links: sides.all.map((side) => {
          const deliver = (payload: Uint8Array): void => side.deliver(plan.node, payload);
          const link = watched(createVirtualLink(world, plan.node, scenario.network, deliver), model);
          return scenario.windows ? withinWindows(world, plan.node, link, scenario.windows, wall) : link;
        }),
        wall,
        drivers: plan.sources.map((source) => driverOf(source, model)),
        meanDownMs: dice.pick([100, 5_000, 60_000]),
      }),
    );
  }

  const checkOne = (node: VirtualNode): Problem | undefined => {
    const up = node.running();
    return up && checkNode(node, up, sides);
  };
  for (const node of nodes) {
    node.onStopped = (last) => {
      const problem = checkNode(node, last, sides);
      if (problem) world.fail(problem.invariant, problem.detail);
    };
  }
  const atWork = (): string[] => sides.all.filter(({ far, gone }) => !gone && !far.settled()).map(({ id }) => id);
  return {
    nodes,
    sides,
    /** One node an event, in turn. */
    check(step: number): Problem | undefined {
      const node = nodes[step % nodes.length]!;
      const up = node.running();
      if (!up) return undefined;
      return checkNode(node, up, sides) ?? (step % 64 < nodes.length ? checkBounds(node, up) : undefined);
    },
    settled: () => nodes.every((node) => isSettled(node)) && atWork().length === 0,
    async checkAll(): Promise<Problem | undefined> {
      for (const node of nodes) {
        const problem = checkOne(node) ?? checkEnd(node, sides);
        if (problem) return problem;
      }
      for (const { far, gone, ledger } of sides.all) {
        const problem = gone ? undefined : await far.checkAtRest(ledger);
        if (problem) return problem;
      }
      return undefined;
    },
    whatWaits: (): Problem => ({
      invariant: 'everything arrives once nothing fails any more',
      detail: `${nodes.map(waitingText).join('; ')}; far sides at work: ${atWork().join(', ') || 'none'}`,
    }),
  };
}
