import { createBitRot } from './bit-rot.ts';
import type { FarSide } from './far-side.ts';
import type { Scenario } from './scenario.ts';
import { DISK_TROUBLES } from './virtual-disk.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { World } from './world.ts';

const HOUR = 3_600_000;

/** Plays the faults of a scenario until `over`; then `heal` undoes what lasts. */
export function playFaults(
  world: World,
  scenario: Scenario,
  nodes: readonly VirtualNode[],
  far: FarSide,
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

  keep('fault: far side dies', tempo.farCrash, () => {
    far.crash('by itself');
    // A hub is broker and ingest in one process: then the links go too.
    if (dice.chance(0.5)) for (const { link } of nodes) link.reset();
  });
  keep('fault: far side deaf', tempo.farDeaf, () => {
    if (far.deaf) return;
    far.deaf = true;
    world.reached('far side: silent with a healthy link');
    forAWhile('far side hears again', () => {
      far.deaf = false;
    });
  });
  for (const node of nodes) {
    const { plan, disk, link, wall } = node;
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
      const letters = node.running()?.deadLetters;
      letters
        ?.list()
        .then((found) => {
          const some = found.filter(() => dice.chance(0.5)).map(({ id }) => id);
          if (some.length === 0) return 0;
          const replay = dice.chance(0.7);
          world.reached(`dead letters: ${replay ? 'replayed' : 'discarded'}`);
          return replay ? letters.replay(some) : letters.discard(some);
        })
        // The disk refuses now and then: the operator tries again.
        .catch(() => world.reached('dead letters: not now'));
    });
    keep(`fault: ${plan.node} link reset`, tempo.reset, () => link.reset());
    keep(`fault: ${plan.node} partition`, tempo.partition, () => {
      link.setOpen(false, dice.chance(0.4));
      forAWhile(`${plan.node} partition over`, () => link.setOpen(true));
    });
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
      else if (kind === 1) wall.state = wall.state === 'synced' ? 'unsynced' : 'synced';
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

/** From now on nothing fails any more. */
export function heal(nodes: readonly VirtualNode[], far: FarSide): void {
  far.heal();
  for (const node of nodes) {
    node.disk.trouble = 'none';
    node.disk.faults = { errorChance: 0, meanOperationsToCrash: Number.POSITIVE_INFINITY };
    node.meanDownMs = 1_000;
    node.link.faults = {
      ...node.link.faults,
      lossChance: 0,
      duplicateChance: 0,
      lateChance: 0,
      silentTransportChance: 0,
    };
    node.link.setOpen(true);
    node.start();
  }
}
