import { deadLettersOf } from '../core/lane-fates.ts';
import { intersect } from '../core/ranges.ts';
import type { PullRequest } from '../greengrass-components/sense/pull.ts';
import type { DeadLetter } from '../journal/journal-port.ts';
import { WORLD_START_MS } from './virtual-clock.ts';
import type { VirtualNode } from './virtual-node.ts';
import { FIRST_TS } from './workload.ts';
import type { World } from './world.ts';

const CRASH_SHARE = 0.3;
const EVER = { fromTs: 0, toTs: Number.MAX_SAFE_INTEGER };

/** Somebody replays some of a node's dead letters, or discards them; now and then the node dies meanwhile. */
export async function tendDeadLetters(world: World, node: VirtualNode): Promise<void> {
  const { dice } = world;
  const up = node.running();
  if (!up) return;
  const found = await up.deadLetters.list();
  const ids = [...new Set(found.map(({ id }) => id))].filter(() => dice.chance(0.5));
  if (ids.length === 0 || node.running() !== up) return;
  if (dice.chance(CRASH_SHARE)) {
    world.after(dice.int(0, 5), `${node.plan.node} dies over dead letters`, () => {
      if (node.running() === up) node.crash(dice.chance(0.7));
    });
  }
  const replay = dice.chance(0.7);
  world.reached(`dead letters: ${replay ? 'replay' : 'discard'} begun`);
  if (replay)
    await replayLetters(
      world,
      node,
      found.filter(({ id }) => ids.includes(id)),
    );
  else await up.deadLetters.discard(ids);
}

/** What is replayed waits again: it is no dead letter any more. */
export async function replayLetters(world: World, node: VirtualNode, letters: readonly DeadLetter[]): Promise<void> {
  const up = node.running();
  if (!up || letters.length === 0) return;
  const count = await up.deadLetters.replay([...new Set(letters.map(({ id }) => id))]);
  if (node.running() !== up) return;
  world.reached('dead letters: replayed');
  world.note(`${node.plan.node} replayed ${count} records`);
  const { lanes } = up.inspect().state;
  const stillDead = letters.filter(({ epoch, lane, ...range }) =>
    lanes.some(
      (one) => one.epoch === epoch && one.lane === lane && intersect([range], deadLettersOf(one.fates)).length > 0,
    ),
  );
  if (count < letters.reduce((sum, { from, to }) => sum + to - from, 0) || stillDead.length === 0) return;
  world.fail('what is replayed waits again', `${node.plan.node}: ${JSON.stringify(stillDead)}`);
}

/** Somebody wants a stream after all: all of it, some devices, some time. */
export function pullSome(world: World, node: VirtualNode): void {
  const { dice } = world;
  const streams = localStreams(node);
  if (streams.length === 0) return;
  const { stream, devices } = dice.pick(streams);
  const device = dice.chance(0.3) ? dice.pick(devices) : undefined;
  void node.pull({ stream, device, ...dice.pick([EVER, EVER, sometime(world)]) });
}

/** Everything that ever stayed local. */
export const pullsOfAll = (node: VirtualNode): PullRequest[] =>
  localStreams(node).map(({ stream }) => ({ stream, device: undefined, ...EVER }));

const localStreams = ({ plan }: VirtualNode): { stream: string; devices: readonly string[] }[] =>
  plan.sources.flatMap(({ streams, devices }) =>
    streams.filter(({ syncMs }) => syncMs === 'on-demand').map(({ name }) => ({ stream: name, devices })),
  );

/** By the readings' own times, or by those of their arrival. */
function sometime({ dice, now }: World): Pick<PullRequest, 'fromTs' | 'toTs'> {
  const firstMs = dice.chance(0.5) ? FIRST_TS : WORLD_START_MS;
  const spanMs = Math.max(1_000, now());
  const fromTs = firstMs + Math.floor(dice.fraction() * spanMs);
  return { fromTs, toTs: fromTs + Math.ceil(dice.fraction() * spanMs) };
}
