import { PRODUCER } from '../core/identity.ts';
import { givenUpOf, unstated } from '../core/lane-fates.ts';
import { givenUpCount } from '../core/ledger.ts';
import { addRanges, subtract } from '../core/ranges.ts';
import type { Problem } from './check-node.ts';
import type { Sides } from './sides.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { World } from './world.ts';

/** Nothing waits at a node, and its far side knows what was given up. */
export function isSettled(node: VirtualNode): boolean {
  const up = node.running();
  if (!up) return false;
  const { forward, state } = up.inspect();
  return (
    forward.lanes.every(({ waiting }) => waiting === 0) &&
    state.lanes.every(({ fates }) => unstated(fates).length === 0)
  );
}

/** After everything settled: what was kept is in a store, but for what rot took and the node gave up. */
export function checkEnd(node: VirtualNode, sides: Sides): Problem | undefined {
  const up = node.running();
  const name = node.plan.node;
  if (!up) return { invariant: 'a node comes up once nothing fails any more', detail: name };
  const { forward } = up.inspect();
  const lost = [...node.model.outstanding()].filter(({ damaged, givenUp }) => !damaged && !givenUp);
  if (lost.length > 0) {
    const { epoch, lane, position, reading } = lost[0]!;
    const detail = `${name}: ${lost.length} records, the first is ${epoch}/${lane}/${position}, reading ${reading.uid}`;
    return { invariant: 'no acknowledged record is lost', detail };
  }
  const all = sides.all.length === 1 ? sides.all[0]!.ledger.of(name) : sides.union.of(name);
  for (const [lane, counts] of forward.lanes.entries()) {
    const { priority, enqueued, delivered } = counts;
    const givenUp = givenUpCount(counts);
    const { indexed } = all.lanes[lane]!;
    const committed = node.model.enqueued()[lane]!;
    const torn = sides.all.filter((side) => {
      const own = side.ledger.of(name).lanes[lane]!;
      return !side.gone && own.rows !== own.indexed;
    });
    if (
      enqueued !== committed ||
      delivered > indexed ||
      indexed > delivered + givenUp ||
      torn.length > 0 ||
      delivered + givenUp !== committed
    ) {
      return {
        invariant: 'in the end all counts agree',
        detail: `${name} ${priority}: committed ${committed}, enqueued ${enqueued}, delivered ${delivered}, given up ${givenUp}, index ${indexed}, other rows than index at ${torn.map(({ id }) => id)}`,
      };
    }
  }
  return checkTold(node, sides);
}

/** The far side has taken down what will never come. */
function checkTold(node: VirtualNode, sides: Sides): Problem | undefined {
  const { forward, state } = node.running()!.inspect();
  const present = sides.withId(forward.farSide ?? node.farSideAtStart());
  if (!present) return undefined;
  for (const { epoch, lane, fates } of state.lanes) {
    const { stored, givenUp } = present.ledger.indexOf({ node: node.plan.node, producer: PRODUCER, epoch, lane });
    const untold = subtract(givenUpOf(fates), addRanges(stored, givenUp));
    if (untold.length === 0) continue;
    const detail = `${node.plan.node}: ${epoch}/${lane} ${JSON.stringify(untold)} at ${present.id}`;
    return { invariant: 'the far side knows what was given up', detail };
  }
  return undefined;
}

export function waitingText(node: VirtualNode): string {
  const up = node.running();
  if (!up) return `${node.plan.node} is not up`;
  const { forward, state } = up.inspect();
  const lanes = state.lanes
    .filter(
      (lane) =>
        lane.toSend.length + lane.flights.length + lane.held.length + lane.doubt.length + lane.missing.length > 0 ||
        unstated(lane.fates).length > 0,
    )
    .map((lane) => JSON.stringify({ ...lane, fates: unstated(lane.fates), flights: lane.flights.length }));
  return `${node.plan.node}: link ${state.link}, far ${state.far}, waiting ${forward.lanes.map(({ waiting }) => waiting).join('/')}, ${lanes.join(' ')}`;
}

/** Which ways to end the run has seen, so that a scenario that never reaches one shows. */
export function noteFates(world: World, node: VirtualNode): void {
  for (const { priority, expired, evicted, deadLettered, damaged } of node.running()?.inspect().forward.lanes ?? []) {
    const dead = Object.values(deadLettered).reduce((sum, count) => sum + count, 0);
    for (const [fate, count] of Object.entries({ expired, evicted, 'dead-lettered': dead, damaged })) {
      if (count > 0) world.reached(`fate: ${fate} ${priority}`);
    }
  }
}
