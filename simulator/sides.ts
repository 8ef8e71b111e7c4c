import { addRanges, NO_RANGES, type RangeSet } from '../core/ranges.ts';
import type { Problem } from './check-node.ts';
import { checkRow, forgetRow } from './check-rows.ts';
import { createCloudFarSide } from './cloud-far-side.ts';
import { createFarLedger, type FarLedger } from './far-ledger.ts';
import type { FarSide, FarSidePorts } from './far-side.ts';
import { createHubFarSide } from './hub-far-side.ts';
import type { NodeModel } from './node-model.ts';
import { refusalOf } from './poison.ts';
import type { Scenario } from './scenario.ts';
import { createTold, type Told } from './told.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { World } from './world.ts';

/** One of the far sides, with what is known of it. */
export interface Side {
  id: string;
  far: FarSide;
  ledger: FarLedger;
  told: Told;
  /** A message of a node arrives. */
  deliver(node: string, payload: Uint8Array): void;
  /** Nobody will ever see it again. */
  gone: boolean;
}

/** All far sides, in the order in which nodes prefer them. */
export interface Sides {
  all: readonly Side[];
  /** What any of them has in its index; its rows are not counted. */
  union: FarLedger;
  /** What any of them ever said. */
  told: Pick<Told, 'deniedIn' | 'refusedIn'>;
  withId(id: string | undefined): Side | undefined;
  rows(): number;
}

export interface SidesParts {
  models: ReadonlyMap<string, NodeModel>;
  nodes: readonly VirtualNode[];
  /** Refuses nothing any more. */
  calm: () => boolean;
}

const ONCE = 'the store holds each record once, as it was committed';

export function createSides(world: World, scenario: Scenario, parts: SidesParts): Sides {
  const union = createFarLedger();
  const all: Side[] = [];
  scenario.farSides.forEach((_, at) => {
    all.push(
      createSide(world, scenario, parts, at, (key) => {
        const stored = all.reduce<RangeSet>((sum, { ledger }) => addRanges(sum, ledger.indexOf(key).stored), NO_RANGES);
        union.noteIndex(key, stored, NO_RANGES);
      }),
    );
  });
  return {
    all,
    union,
    told: {
      deniedIn: (...of) => all.reduce<RangeSet>((sum, { told }) => addRanges(sum, told.deniedIn(...of)), NO_RANGES),
      refusedIn: (...of) => all.reduce<RangeSet>((sum, { told }) => addRanges(sum, told.refusedIn(...of)), NO_RANGES),
    },
    withId: (id) => all.find((side) => side.id === id),
    rows: () => all.reduce((sum, { ledger }) => sum + ledger.rows(), 0),
  };
}

function createSide(
  world: World,
  scenario: Scenario,
  { models, nodes, calm }: SidesParts,
  at: number,
  changed: (key: Parameters<FarSidePorts['indexed']>[0]) => void,
): Side {
  const id = `far-${at + 1}`;
  const store = 1 << at;
  const ledger = createFarLedger();
  const told = createTold(ledger);
  const nodeOf = (name: string): VirtualNode | undefined => nodes.find(({ plan }) => plan.node === name);
  const failIf = (problem: Problem | undefined): void => {
    if (problem) world.fail(problem.invariant, problem.detail);
  };
  const failIfWrong = (wrong: string | undefined): void =>
    failIf(wrong === undefined ? undefined : { invariant: ONCE, detail: `${id}: ${wrong}` });
  const answer = (client: string, payload: Uint8Array): void => {
    failIf(told.note(client, payload));
    nodeOf(client)?.links[at]?.answer(payload);
  };
  const ports: FarSidePorts = {
    id,
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields, message) => world.note(`${id} log: ${message} ${JSON.stringify(fields)}`),
      error: (_fields, message) => world.note(`${id} log: ${message}`),
    },
    answer,
    indexed(key, stored, givenUp) {
      ledger.noteIndex(key, stored, givenUp);
      changed(key);
    },
    appeared(rows) {
      ledger.noteAppeared(rows);
      const offsetsOf = (name: string): readonly number[] => nodeOf(name)!.wall.offsetsMs;
      for (const row of rows) failIfWrong(checkRow(row, store, models, offsetsOf, world.now()));
    },
    vanished(rows) {
      ledger.noteVanished(rows);
      for (const row of rows) failIfWrong(forgetRow(row, store, models));
      failIf(told.noteVanished(rows));
    },
  };
  const far =
    scenario.farSides[at] === 'hub'
      ? createHubFarSide(world, ports, scenario.hub)
      : createCloudFarSide(world, ports, scenario.cloud);
  return {
    id,
    far,
    ledger,
    told,
    gone: false,
    deliver(node, payload) {
      const refusal = far.deaf || calm() ? undefined : refusalOf(scenario.poison, id, payload);
      if (!refusal) return far.deliver(node, payload);
      world.reached(`far side: refuses a record as ${scenario.poison!.reason}`);
      for (const one of refusal) answer(node, one);
    },
  };
}
