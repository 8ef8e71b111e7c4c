import { createKeyRing, type KeyRing, type KeyStore, type RingKey } from '../core/key-ring.ts';
import type { Random } from '../core/ports.ts';
import type { VirtualDisk } from './virtual-disk.ts';
import { type Life, never, type World } from './world.ts';

/** The key file of one machine. It outlives the processes that use it. */
export interface VirtualKeyFile {
  /** The real ring as one process has it; usable once `ready` has resolved. */
  ringOf(life: Life, crash: () => void, random: Random): { ring: KeyRing; ready: Promise<void> };
  /** For those who look at the disk from outside. */
  find(id: number): Uint8Array | undefined;
}

export function createVirtualKeyFile(world: World, machine: string, disk: VirtualDisk): VirtualKeyFile {
  const { dice } = world;
  let saved: readonly RingKey[] | undefined;

  const storeOf = (life: Life, crash: () => void): KeyStore => {
    const mayDie = async (when: string): Promise<void> => {
      if (!life.alive) return never();
      if (!Number.isFinite(disk.faults.meanOperationsToCrash) || !dice.chance(0.05)) return;
      world.reached(`crash ${when} keys are saved`);
      crash();
      return never();
    };
    return {
      place: `${machine} keys`,
      load: () => saved,
      async save(keys) {
        await mayDie('before');
        await world.pause(dice.int(0, 20), `${machine} saves keys`, life);
        if (disk.trouble !== 'none' && dice.chance(0.5)) {
          world.reached('disk error: keys not saved');
          throw Object.assign(new Error('EIO: keys'), { code: 'EIO' });
        }
        saved = keys;
        world.note(`${machine} keys ${keys.map(({ id }) => id).join(' ')}`);
        await mayDie('after');
      },
    };
  };

  return {
    find: (id) => saved?.find((key) => key.id === id)?.key,
    ringOf(life, crash, random) {
      let opened: KeyRing | undefined;
      const must = (): KeyRing => {
        if (!opened) throw new Error('key ring is not open');
        return opened;
      };
      const randomBytes = (count: number): Uint8Array =>
        Uint8Array.from({ length: count }, () => Number(random.u64() & 0xffn));
      const ready = createKeyRing(storeOf(life, crash), { clock: { wallMs: () => world.now() }, randomBytes }).then(
        (ring) => {
          opened = ring;
        },
      );
      return {
        ready,
        ring: {
          current: () => must().current(),
          find: (id) => must().find(id),
          rotate: () => must().rotate(),
          retire: (inUse) => must().retire(inUse),
          describe: () => must().describe(),
        },
      };
    },
  };
}
