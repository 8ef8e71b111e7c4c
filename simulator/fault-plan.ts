import { createBitRot } from './bit-rot.ts';
import { pullSome, tendDeadLetters } from './operator.ts';
import type { Scenario } from './scenario.ts';
import type { Side } from './sides.ts';
import { changeState } from './virtual-clock.ts';
import { DISK_TROUBLES } from './virtual-disk.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { World } from './world.ts';

const HOUR = 3_600_000;

/** Plays the faults of a scenario until `over`; then `heal` undoes what lasts. */
export function playFaults(
  world: World,
  scenario: Scenario,
  nodes: readonly VirtualNode[],
  sides: readonly Side[],
  over: () => boolean,
): void {
  const { dice } = world;
  const { tempo, meanOutageMs } = scenario;

  /** Again and again, at random times. */
  const keep = (label: string, meanMs: number, act: () => void): void => {
    if (!Number.isFinite(meanMs)) return;
    world.after(dice.waitMs(meanMs), label, () => {
      if (over()) return;
      act();
      keep(label, meanMs, act);
    });
  };
  const forAWhile = (label: string, end: () => void): void => {
    world.after(dice.waitMs(meanOutageMs), label, end);
  };

  for (const [at, { id, far }] of sides.entries()) {
    keep(`fault: ${id} dies`, tempo.farCrash, () => {
      far.crash('by itself');
      // A hub is broker and ingest in one process: then the links go too.
      if (dice.chance(0.5)) for (const { links } of nodes) links[at]!.reset();
    });
    keep(`fault: ${id} deaf`, tempo.farDeaf, () => {
      if (far.deaf) return;
      far.deaf = true;
      world.reached('far side: silent with a healthy link');
      forAWhile(`${id} hears again`, () => {
        far.deaf = false;
      });
    });
  }
  for (const node of nodes) {
    const { plan, disk, links, wall } = node;
    const rot = createBitRot(world, node);
    keep(`fault: ${plan.node} dies`, tempo.crash, () => node.crash(dice.chance(0.7)));
    keep(`fault: ${plan.node} stops`, tempo.stop, () => node.stop());
    keep(`fault: ${plan.node} rot`, tempo.rot, () => {
      // While a process reads the disk the model could not say what it saw.
      if (!node.inBetween()) rot.strike();
    });
    // What a node knows in memory hides most damage: it shows in what is read back.
    node.onDeath = () => {
      if (Number.isFinite(tempo.rot) && !over() && dice.chance(0.3)) rot.strike();
    };
    keep(`operator: ${plan.node} dead letters`, tempo.deadLetters, () => {
      // The disk refuses now and then: the operator tries again.
      tendDeadLetters(world, node).catch(() => world.reached('dead letters: not now'));
    });
    keep(`operator: ${plan.node} pulls`, tempo.pull, () => pullSome(world, node));
    for (const link of links) {
      keep(`fault: ${plan.node} link reset`, tempo.reset, () => link.reset());
      keep(`fault: ${plan.node} partition`, tempo.partition, () => {
        link.setOpen(false, dice.chance(0.4));
        forAWhile(`${plan.node} partition over`, () => link.setOpen(true));
      });
    }
    keep(`fault: ${plan.node} disk`, tempo.diskTrouble, () => {
      if (disk.trouble !== 'none') return;
      disk.trouble = dice.pick(DISK_TROUBLES.slice(1));
      world.reached(`disk: ${disk.trouble} for a while`);
      forAWhile(`${plan.node} disk well again`, () => {
        disk.trouble = 'none';
      });
    });
    keep(`fault: ${plan.node} clock`, tempo.clockJump, () => {
      const kind = dice.int(0, 3);
      if (kind === 0) Object.assign(wall, { skew: (dice.fraction() - 0.5) / 1_000, skewed: true });
      else if (kind === 1) changeState(world, wall, wall.state === 'synced' ? 'unsynced' : 'synced');
      else
        wall.offsetsMs.unshift(
          Math.trunc((dice.fraction() - 0.5) * dice.pick([2_000, HOUR, 24 * HOUR, 365 * 24 * HOUR])),
        );
      world.reached(
        ['clock: runs fast or slow', 'clock: synchronisation changes', 'clock: jumps', 'clock: jumps'][kind]!,
      );
    });
  }
}

/** From now on nothing fails any more, but that one of two far sides may be gone for good. */
export function heal(world: World, nodes: readonly VirtualNode[], sides: readonly Side[]): void {
  const { dice } = world;
  const lost = sides.length > 1 && dice.chance(0.5) ? dice.pick(sides) : undefined;
  const silent = dice.chance(0.5);
  for (const side of sides) {
    side.far.heal();
    if (side !== lost) continue;
    side.gone = true;
    side.far.deaf = silent;
    world.reached(`far side: gone for good, ${silent ? 'silent with a healthy link' : 'without a link'}`);
  }
  for (const node of nodes) {
    node.disk.trouble = 'none';
    node.disk.faults = { errorChance: 0, meanOperationsToCrash: Number.POSITIVE_INFINITY };
    node.meanDownMs = 1_000;
    for (const [at, link] of node.links.entries()) {
      link.faults = {
        ...link.faults,
        lossChance: 0,
        duplicateChance: 0,
        lateChance: 0,
        silentTransportChance: 0,
      };
      link.setOpen(!sides[at]!.gone || silent);
    }
    node.start();
  }
}
