import { Command } from 'commander';
import { positiveIntOption } from '../options.ts';
import type { NodeClientOptions } from '../running/node-client.ts';

const LIST_EXAMPLES = `
Examples:
  $ headwater dead-letters list                       of all running nodes of the data directory
  $ headwater dead-letters list --node press-hall-001 --json`;

const SHOW_EXAMPLES = `
Examples:
  $ headwater dead-letters show 3                     what it is, and its first 20 records
  $ headwater dead-letters show 3 --json > 3.ndjson   every record, a line each`;

const REPLAY_EXAMPLES = `
Examples:
  $ headwater dead-letters replay 3 4
  $ headwater dead-letters replay --all --node press-hall-001

The records wait again, under the identity that they had, with all retries; their time to live is over and counts no more.
First mend what refused them: headwater dead-letters list names the reason.`;

const DISCARD_EXAMPLES = `
Examples:
  $ headwater dead-letters discard 3 4 --yes

The records are gone for good; the ledger goes on counting them as dead letters.`;

const GROUP_HELP = `
A record becomes a dead letter when its retries are used up (docs/adr/0005-sending.md). The node must be running: it is asked
through control.sock in its directory, which only its owner can do.`;

/** `headwater dead-letters`: records that ran out of retries. */
export function deadLettersCommand(): Command {
  const run = () => import('../running/run-dead-letters.ts');
  return new Command('dead-letters')
    .description('records that ran out of retries: look at them, send them again, let them go')
    .addHelpText('after', GROUP_HELP)
    .addCommand(
      ofNode(new Command('list'))
        .description('one line a letter, oldest first')
        .option('--json', 'one JSON document')
        .addHelpText('after', LIST_EXAMPLES)
        .action(async (options: NodeClientOptions & { json?: true }) => (await run()).listDeadLetters(options)),
    )
    .addCommand(
      ofNode(new Command('show'))
        .description('one letter and its records')
        .argument('<id>', 'as listed')
        .option('--first <n>', 'so many records (default: 20; with --json all)', positiveIntOption)
        .option('--json', 'its records as NDJSON')
        .addHelpText('after', SHOW_EXAMPLES)
        .action(async (id: string, options: NodeClientOptions & { json?: true; first?: number }) =>
          (await run()).showDeadLetter(id, options),
        ),
    )
    .addCommand(
      ofNode(new Command('replay'))
        .description('lets them wait again')
        .argument('[id...]', 'as listed')
        .option('--all', 'every letter of the node')
        .option('--json', 'one JSON document')
        .addHelpText('after', REPLAY_EXAMPLES)
        .action(async (ids: string[], options: NodeClientOptions & { json?: true; all?: true }) =>
          (await run()).replayDeadLetters(ids, options),
        ),
    )
    .addCommand(
      ofNode(new Command('discard'))
        .description('removes their records for good')
        .argument('<id...>', 'as listed')
        .option('--yes', 'yes, they are to be gone')
        .option('--json', 'one JSON document')
        .addHelpText('after', DISCARD_EXAMPLES)
        .action(async (ids: string[], options: NodeClientOptions & { json?: true; yes?: true }) =>
          (await run()).discardDeadLetters(ids, options),
        ),
    );
}

const ofNode = (command: Command): Command =>
  command
    .option('--node <name>', 'the node (default: the only one of the data directory)')
    .option('--data <dir>', 'data directory of the node', '.headwater');
