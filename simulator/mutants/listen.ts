import type { Mutant } from './mutant.ts';

/** Bugs of messages that devices publish to a node. */
export const LISTEN_MUTANTS: readonly Mutant[] = [
  {
    name: 'listen: acknowledge before the fate is on disk',
    file: 'adapters/sources/listen/intake.ts',
    find: 'return arrival ? inTurn(message, fate) : fate;',
    replace: 'return Promise.resolve();',
    focus: 'listen',
  },
  {
    name: 'listen: know nothing of what came before the start',
    file: 'greengrass-components/sense/sense.ts',
    find: 'const own = sourceStates.filter(([key]) => key.startsWith(prefix));',
    replace: `const own = sourceStates.filter(([key]) => key.startsWith(prefix) && key === '');`,
    focus: 'listen,crash',
  },
  {
    name: 'listen: know a repetition by its flag alone',
    file: 'core/listen/redelivery-window.ts',
    find: 'if (!dup && (!persistent || last.connection === connection)) return undefined;',
    replace: 'if (!dup) return undefined;',
    focus: 'listen',
  },
  {
    name: 'listen: remember one message fewer than a device may have open',
    file: 'core/listen/redelivery-window.ts',
    find: 'const size = REMEMBERED_PER_OPEN * maxInFlight;',
    replace: 'const size = Math.max(1, maxInFlight - 1);',
    focus: 'listen',
  },
  {
    name: 'listen: acknowledge out of order',
    file: 'adapters/sources/listen/intake.ts',
    find: 'before?.connection === connection ? before.turn.then(() => fate) : fate;',
    replace: 'fate ?? before;',
    focus: 'listen,diskTrouble',
  },
  {
    name: 'listen: leave out what comes when the time to linger is up',
    seldom: true,
    file: 'greengrass-components/sense/sense.ts',
    find: '} while (more.length > 0);',
    replace: '} while (more.length > 0 && clock.monotonicMs() < deadlineMs);',
    focus: 'listen',
  },
];
