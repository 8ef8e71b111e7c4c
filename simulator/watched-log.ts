import type { Logger } from '../core/ports.ts';
import type { Life, World } from './world.ts';

/** The log of one process of a node: part of the trace; what must not be said ends the run. */
export function createWatchedLog(world: World, node: string, life: Life): Logger {
  const note = (fields: object, message: string): void => {
    if (!life.alive) return;
    if (message.startsWith('uplink: another one'))
      world.reached(`uplink: changed, ${(fields as { reason?: string }).reason}`);
    world.note(`${node} log: ${message} ${JSON.stringify(fields)}`);
  };
  return {
    debug: note,
    info: note,
    warn: note,
    error(fields, message) {
      note(fields, message);
      if (life.alive && message.includes('restart the node')) {
        world.fail('no part of a node stops by itself', `${node}: ${message} ${JSON.stringify(fields)}`);
      }
    },
  };
}
