import { Command } from 'commander';
import { timeOption } from '../options.ts';

const EXAMPLES = `
Examples:
  $ headwater pull press-hall-001 --stream vibration-raw --from 2026-05-04T06:00Z --to 2026-05-04T06:10Z
  $ headwater pull press-hall-001 --stream vibration-raw --device press-07 --from 2026-05-04 --to 2026-05-05

Records of streams with "sync: on-demand" stay on the node, within journal.localBytes, until they are pulled or age out. Pulled
ones travel like all others of their class. --from is included, --to is not; times are the readings' own, as the node noted
them. Pulling twice doubles nothing.

The node must be running on this machine (it is asked through control.sock in its directory): run this on the machine of the
node. A node elsewhere cannot be pulled from here.`;

/** `headwater pull NODE`: fetches what stayed local. */
export function pullCommand(): Command {
  return new Command('pull')
    .description('lets records travel that stayed on a node (sync: on-demand)')
    .argument('<node>', 'the node that holds them')
    .requiredOption('--stream <name>', 'of this stream')
    .requiredOption('--from <time>', 'ISO 8601, UTC unless it says otherwise', timeOption)
    .requiredOption('--to <time>', 'the same; not included', timeOption)
    .option('--device <name>', 'of this device only (default: all)')
    .option('--json', 'one JSON document')
    .option('--data <dir>', 'data directory of the node', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action(async (node: string, options) => (await import('../running/run-pull.ts')).runPull(node, options));
}
