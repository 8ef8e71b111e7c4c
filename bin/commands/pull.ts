import { Command } from 'commander';
import { durationOption, timeOption } from '../options.ts';

const EXAMPLES = `
Examples:
  $ headwater pull press-hall-001 --stream vibration-raw --from 2026-05-04T06:00Z --to 2026-05-04T06:10Z
  $ headwater pull press-hall-001 --stream vibration-raw --device press-07 --from 2026-05-04 --to 2026-05-05
  $ headwater pull press-hall-001 --hub http://127.0.0.1:8080 --stream vibration-raw --from 2026-05-04 --to 2026-05-05

Records of streams with "sync: on-demand" stay on the node, within journal.localBytes, until they are pulled or age out. Pulled
ones travel like all others of their class. --from is included, --to is not; times are the readings' own, as the node noted
them. Pulling twice doubles nothing.

A node that runs on --data is asked itself (through control.sock in its directory); any other through its hub, which must
have a connection to it. What is asked for while the node is away is not kept: ask again. Nodes that deliver to the cloud are
asked on their own machine only.

Exit code 1 if it was refused, or nothing was heard in time; asking again goes on where it stopped.`;

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
    .option('--hub <url>', 'ask through this hub (default: the node itself, else the hub started on --data)')
    .option('--timeout <duration>', 'wait no longer than this', durationOption, 3_600_000)
    .option('--data <dir>', 'data directory of the node, or of the hub', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action(async (node: string, options) => (await import('../running/run-pull.ts')).runPull(node, options));
}
