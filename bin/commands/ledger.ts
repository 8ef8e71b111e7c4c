import { Command } from 'commander';
import type { HubLedger } from '../../hub/ledger.ts';
import { EXIT } from '../program.ts';
import { askHub, type HubClientOptions } from '../running/hub-client.ts';
import { ledgerText } from '../running/ledger-text.ts';

const EXAMPLES = `
Examples:
  $ headwater ledger
  $ headwater ledger --json | jq .balanced

Nodes that run in the hub's process show their whole ledger; of others the hub knows their last count statement.
Exit code 1 if something does not add up.`;

/** `headwater ledger`: both sides and their difference. */
export function ledgerCommand(): Command {
  return new Command('ledger')
    .description('what became of every reading: the side of the nodes, the side of the hub, and their difference')
    .option('--json', 'one JSON document')
    .option('--hub <url>', 'address of the hub (default: the one started on --data)')
    .option('--data <dir>', 'data directory of the hub', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action(async (options: HubClientOptions & { json?: true }) => {
      const ledger = await askHub<HubLedger>(options, '/ledger');
      process.stdout.write(options.json ? `${JSON.stringify(ledger, null, 2)}\n` : ledgerText(ledger));
      process.exitCode = ledger.balanced ? EXIT.ok : EXIT.problem;
    });
}
