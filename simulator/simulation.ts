import { unstated } from '../core/lane-fates.ts';
import { givenUpCount } from '../core/ledger.ts';
import { decodeAnswer } from '../core/messages.ts';
import { checkBounds, checkNode, type FarView, type Problem } from './check-node.ts';
import { checkRow, forgetRow } from './check-rows.ts';
import { createCloudFarSide } from './cloud-far-side.ts';
import { createFarLedger } from './far-ledger.ts';
import type { FarSide, FarSideKind, FarSidePorts } from './far-side.ts';
import { heal, playFaults } from './fault-plan.ts';
import { createHubFarSide } from './hub-far-side.ts';
import { createNodeModel, type NodeModel } from './node-model.ts';
import { refusalOf } from './poison.ts';
import { drawScenario, type Focus, focusOn, type Scenario } from './scenario.ts';
import { createSourceDriver } from './source-driver.ts';
import { createTold } from './told.ts';
import { createVirtualDisk } from './virtual-disk.ts';
import { createVirtualLink } from './virtual-network.ts';
import { createVirtualNode, type VirtualNode } from './virtual-node.ts';
import { watched } from './watched-link.ts';
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
  farSide: FarSideKind;
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

const ONCE = 'the store holds each record once, as it was committed';

/** Runs one seed: the whole system in virtual time, faults and all; then without faults until it has settled. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed } = options;
  const maxEvents = options.maxEvents ?? (options.years === undefined ? 20_000 : Number.POSITIVE_INFINITY);
  const world = createWorld(seed, options.watch);
  const scenario = drawScenario(world.dice, options.years !== undefined);
  focusOn(scenario, options.focus ?? []);
  const endMs = options.years === undefined ? Number.POSITIVE_INFINITY : options.years * YEAR;
  let calm = false;
  const parts = build(world, scenario, () => calm);
  playFaults(world, scenario, parts.nodes, parts.far, () => calm);
  for (const node of parts.nodes) node.start();

  let steps = 0;
  const step = async (): Promise<boolean> => {
    if (!(await world.step())) return false;
    const problem = parts.check(steps++);
    if (problem) world.fail(problem.invariant, problem.detail);
    return world.violation() === undefined;
  };
  while (world.events() < maxEvents && world.now() < endMs && (await step()));
  if (world.violation() === undefined) {
    calm = true;
    world.note('no more faults');
    heal(parts.nodes, parts.far);
    const deadline = world.now() + SETTLING_MS;
    const lastEvent = world.events() + SETTLING_EVENTS;
    while (world.now() < deadline && world.events() < lastEvent && !parts.settled() && (await step()));
    if (world.violation() === undefined) {
      const problem = parts.settled() ? await parts.checkAll() : parts.whatWaits();
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
    farSide: parts.far.kind,
    farSideCrashes: parts.far.crashes(),
    rows: parts.rows(),
    faults: world.faults,
    traceHash: world.traceHash(),
    lastLines: world.lastLines(),
  };
}

function build(world: World, scenario: Scenario, calm: () => boolean) {
  const { dice } = world;
  const models = new Map<string, NodeModel>();
  const nodes: VirtualNode[] = [];
  const ledger = createFarLedger();
  const told = createTold(ledger);
  const offsetsOf = (name: string): readonly number[] => nodes.find(({ plan }) => plan.node === name)!.wall.offsetsMs;
  const failIf = (problem: Problem | undefined): void => {
    if (problem) world.fail(problem.invariant, problem.detail);
  };
  const failIfWrong = (wrong: string | undefined): void =>
    failIf(wrong === undefined ? undefined : { invariant: ONCE, detail: wrong });
  /** As it calls itself in its answers. */
  let farId = '';
  const answer = (client: string, payload: Uint8Array): void => {
    if (farId === '') {
      const decoded = decodeAnswer(payload);
      if (decoded.ok) farId = decoded.value.farSide;
    }
    failIf(told.note(client, payload));
    nodes.find(({ plan }) => plan.node === client)?.link.answer(payload);
  };
  const far = createFarSide(world, scenario, {
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields, message) => world.note(`far side log: ${message} ${JSON.stringify(fields)}`),
      error: (_fields, message) => world.note(`far side log: ${message}`),
    },
    answer,
    indexed: ledger.noteIndex,
    appeared: (rows) => {
      ledger.noteAppeared(rows);
      for (const row of rows) failIfWrong(checkRow(row, models, offsetsOf, world.now()));
    },
    vanished: (rows) => {
      ledger.noteVanished(rows);
      for (const row of rows) failIfWrong(forgetRow(row, models));
      failIf(told.noteVanished(rows));
    },
  });
  const deliver = (node: string, payload: Uint8Array): void => {
    const refusal = farId === '' || far.deaf || calm() ? undefined : refusalOf(scenario.poison, farId, payload);
    if (!refusal) {
      far.deliver(node, payload);
      return;
    }
    world.reached(`far side: refuses a record as ${scenario.poison!.reason}`);
    for (const one of refusal) answer(node, one);
  };
  const view: FarView = { kind: far.kind, ledger, told };
  let uid = 0;
  for (const plan of scenario.plans) {
    const model = createNodeModel(world.now);
    models.set(plan.node, model);
    nodes.push(
      createVirtualNode(world, {
        plan,
        limits: scenario.limits,
        model,
        disk: createVirtualDisk(world, plan.node, scenario.disk),
        link: watched(
          createVirtualLink(world, plan.node, scenario.network, (payload) => deliver(plan.node, payload)),
          model,
        ),
        wall: { offsetsMs: [0], skew: 0, state: 'synced' },
        drivers: plan.sources.map((source) =>
          createSourceDriver(
            world,
            source,
            model,
            { canWait: dice.chance(0.5), ...scenario },
            () => ++uid,
            () => !calm(),
          ),
        ),
        meanDownMs: dice.pick([100, 5_000, 60_000]),
      }),
    );
  }

  const checkOne = (node: VirtualNode): Problem | undefined => {
    const up = node.running();
    return up && checkNode(node, up, view);
  };
  const checkAll = async (): Promise<Problem | undefined> => {
    for (const node of nodes) {
      const problem = checkOne(node) ?? checkEnd(node, ledger);
      if (problem) return problem;
    }
    return far.checkAtRest(ledger);
  };
  return {
    nodes,
    far,
    rows: ledger.rows,
    /** One node an event, in turn. */
    check(step: number): Problem | undefined {
      const node = nodes[step % nodes.length]!;
      const up = node.running();
      if (!up) return undefined;
      return checkNode(node, up, view) ?? (step % 64 < nodes.length ? checkBounds(node, up) : undefined);
    },
    settled: () => nodes.every((node) => isSettled(node)) && far.settled(),
    checkAll,
    whatWaits: (): Problem => ({
      invariant: 'everything arrives once nothing fails any more',
      detail: `${nodes.map(waitingText).join('; ')}; far side ${far.settled() ? 'at rest' : 'at work'}`,
    }),
  };
}

function createFarSide(world: World, scenario: Scenario, ports: FarSidePorts): FarSide {
  return scenario.farSide === 'hub'
    ? createHubFarSide(world, ports, scenario.hub)
    : createCloudFarSide(world, ports, scenario.cloud);
}

/** Which ways to end the run has seen, so that a scenario that never reaches one shows. */
function noteFates(world: World, node: VirtualNode): void {
  for (const { priority, expired, evicted, deadLettered, damaged } of node.running()?.inspect().forward.lanes ?? []) {
    const dead = Object.values(deadLettered).reduce((sum, count) => sum + count, 0);
    for (const [fate, count] of Object.entries({ expired, evicted, 'dead-lettered': dead, damaged })) {
      if (count > 0) world.reached(`fate: ${fate} ${priority}`);
    }
  }
}

function isSettled(node: VirtualNode): boolean {
  const up = node.running();
  if (!up) return false;
  const { forward, state } = up.inspect();
  return (
    forward.lanes.every(({ waiting }) => waiting === 0) &&
    state.lanes.every(({ fates }) => unstated(fates).length === 0)
  );
}

/** After everything settled: what was kept is in the store, but for what rot took and the node gave up. */
function checkEnd(node: VirtualNode, ledger: ReturnType<typeof createFarLedger>): Problem | undefined {
  const up = node.running();
  const name = node.plan.node;
  if (!up) return { invariant: 'a node comes up once nothing fails any more', detail: name };
  const { forward } = up.inspect();
  const far = ledger.of(name);
  const lost = [...node.model.outstanding()].filter(({ damaged, givenUp }) => !damaged && !givenUp);
  if (lost.length > 0) {
    const { epoch, lane, position, reading } = lost[0]!;
    const detail = `${name}: ${lost.length} records, the first is ${epoch}/${lane}/${position}, reading ${reading.uid}`;
    return { invariant: 'no acknowledged record is lost', detail };
  }
  for (const [lane, counts] of forward.lanes.entries()) {
    const { priority, enqueued, delivered } = counts;
    const givenUp = givenUpCount(counts);
    const { indexed, rows } = far.lanes[lane]!;
    const committed = node.model.enqueued()[lane]!;
    if (
      enqueued !== committed ||
      delivered > indexed ||
      indexed > delivered + givenUp ||
      rows !== indexed ||
      delivered + givenUp !== committed
    ) {
      return {
        invariant: 'in the end all counts agree',
        detail: `${name} ${priority}: committed ${committed}, enqueued ${enqueued}, delivered ${delivered}, given up ${givenUp}, index ${indexed}, rows ${rows}`,
      };
    }
  }
  return undefined;
}

function waitingText(node: VirtualNode): string {
  const up = node.running();
  if (!up) return `${node.plan.node} is not up`;
  const { forward, state } = up.inspect();
  const lanes = state.lanes
    .filter(
      (lane) =>
        lane.toSend.length + lane.flights.length + lane.held.length + lane.doubt.length + lane.missing.length > 0,
    )
    .map((lane) => JSON.stringify({ ...lane, fates: undefined, flights: lane.flights.length }));
  return `${node.plan.node}: link ${state.link}, far ${state.far}, waiting ${forward.lanes.map(({ waiting }) => waiting).join('/')}, ${lanes.join(' ')}`;
}
