import { Command } from 'commander';
import type { LedgerOptions } from '../running/run-ledger.ts';

const EXAMPLES = `
Examples:
  $ headwater ledger
  $ headwater ledger --explain                        where did my readings go? In sentences, with what to do
  $ headwater ledger --explain --node press-hall-001
  $ headwater ledger --json | jq .balanced

Nodes that run in the hub's process show their whole ledger; of others the hub knows what they stated last, about once a minute:
what they enqueued, what waits, what they gave up and why, as of that time. "balanced as of" a time: all of that adds up.
"unknown": nothing differs, but a node has not stated all since the hub's start. --explain asks nodes that run on the data
directory of this machine, too; it needs no hub then.
Exit code 1 if something does not add up.`;

/** `headwater ledger`: both sides and their difference. */
export function ledgerCommand(): Command {
  return new Command('ledger')
    .description('what became of every reading: the side of the nodes, the side of the hub, and their difference')
    .option('--explain', 'tell in sentences where the readings went')
    .option('--node <name>', 'of one node only')
    .option('--json', 'one JSON document')
    .option('--hub <url>', 'address of the hub (default: the one started on --data)')
    .option('--data <dir>', 'data directory of the hub, or of nodes', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action(async (options: LedgerOptions) => (await import('../running/run-ledger.ts')).runLedger(options));
}
