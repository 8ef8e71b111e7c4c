import { isEnvelope, peekIdentity } from '../core/envelope-codec.ts';
import { createSeededRandom } from '../core/seeded-random.ts';
import { createDice, type Dice } from './dice.ts';
import type { Scenario } from './scenario.ts';
import { type VirtualWallClock, WORLD_START_MS } from './virtual-clock.ts';
import type { VirtualLink } from './virtual-network.ts';
import type { World } from './world.ts';

/** Connect windows that come again within the hour: open for so long, so often. */
export interface Windows {
  everyMinutes: number;
  openMinutes: number;
}

const MINUTE = 60_000;
/** From the look at the clock to the envelope on its way there is a read of a disk that may be slow. */
const LAG_MS = MINUTE;
const CHANCE = 0.15;
/** From a sequence of its own: a seed without windows is the run that it was before there were any. */
const SEQUENCE = 0x77696e646f7773n;

/** Gives all nodes windows, in a few seeds or `always`. */
export function drawWindows(scenario: Scenario, seed: bigint, always: boolean): void {
  const dice = createDice(createSeededRandom(seed ^ SEQUENCE));
  if (!dice.chance(CHANCE) && !always) return;
  const windows = draw(dice);
  scenario.windows = windows;
  const { everyMinutes, openMinutes } = windows;
  for (const plan of scenario.plans) {
    const cron = `*/${everyMinutes} * * * *`;
    plan.budget = { ...plan.budget, windows: [{ cron, for: openMinutes * MINUTE }] };
  }
}

const draw = (dice: Dice): Windows => ({ everyMinutes: dice.pick([5, 10, 30]), openMinutes: dice.pick([1, 2]) });

/** The link, seen by somebody who knows the windows: nothing but critical records leaves while they are closed. */
export function withinWindows(
  world: World,
  node: string,
  link: VirtualLink,
  windows: Windows,
  wall: VirtualWallClock,
): VirtualLink {
  const { uplinkOf } = link;
  const look = (lane: number): void => {
    // Whoever cannot trust the clock knows no windows, and one that was wrong once may have been at the last look.
    if (wall.state !== 'synced' || wall.before || wall.offsetsMs.length > 1 || wall.skewed) return;
    const wallMs = WORLD_START_MS + world.now();
    const closedForMs = (wallMs % (windows.everyMinutes * MINUTE)) - windows.openMinutes * MINUTE;
    if (closedForMs < LAG_MS) return;
    if (lane === 0) world.reached('window: critical records left while it was closed');
    else world.fail('windows are kept', `${node}: lane ${lane} left ${closedForMs} ms after the window closed`);
  };
  link.uplinkOf = (life) => {
    const uplink = uplinkOf(life);
    return {
      ...uplink,
      send(traffic, payload) {
        const identity = isEnvelope(payload) ? peekIdentity(payload) : undefined;
        if (identity) look(identity.lane);
        return uplink.send(traffic, payload);
      },
      wanted(isWanted) {
        world.reached(isWanted ? 'window: connected for it' : 'window: disconnected outside of it');
        uplink.wanted(isWanted);
      },
    };
  };
  return link;
}
