import { Command } from 'commander';
import { askNode, chooseNode, type NodeClientOptions } from '../running/node-client.ts';

const EXAMPLES = `
Examples:
  $ headwater keys rotate --node press-hall-001

The node must be running. What is written from then on is written with the new key; the old one stays in keys.json until
the last block that needs it is gone. By itself a node does so every journal.rotateKeys (90 days).`;

/** `headwater keys rotate`: a new key for the journal of a running node. */
export function keysCommand(): Command {
  const rotate = new Command('rotate')
    .description('the journal is written with a new key from now on')
    .option('--node <name>', 'the node (default: the only one of the data directory)')
    .option('--data <dir>', 'data directory of the node', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action(async (options: NodeClientOptions) => {
      const node = chooseNode(options);
      await askNode(options.data, node, { request: 'rotate-keys' });
      process.stdout.write(`node ${node}: the journal has a new key\n`);
    });
  return new Command('keys').description('the keys that a node encrypts its journal with').addCommand(rotate);
}
