import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { readQuarantine } from '../../adapters/embedded/quarantine-file.ts';
import { nodeDirectory } from '../../edge/node-directory.ts';
import { positiveIntOption } from '../options.ts';
import { textTable } from '../table.ts';

const EXAMPLES = `
Examples:
  $ headwater quarantine list                 the newest 50 entries of all nodes
  $ headwater quarantine list press-hall-001 --last 1000 --json`;

/** `headwater quarantine list [NODE]`: input that was refused, and why. */
export function quarantineCommand(): Command {
  const list = new Command('list')
    .description('refused readings, newest last')
    .argument('[node]', 'one node (default: all of the data directory)')
    .option('--last <n>', 'so many entries', positiveIntOption, 50)
    .option('--json', 'one JSON document')
    .option('--data <dir>', 'data directory of the nodes', '.headwater')
    .addHelpText('after', EXAMPLES)
    .action((node: string | undefined, options: { last: number; json?: true; data: string }) => {
      const entries = nodesOf(options.data, node)
        .flatMap((name) => readQuarantine(nodeDirectory(options.data, name)).map((entry) => ({ node: name, ...entry })))
        .sort((a, b) => a.at.localeCompare(b.at))
        .slice(-options.last);
      if (options.json) process.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
      else if (entries.length === 0) process.stdout.write('nothing was refused\n');
      else {
        const rows = entries.map(({ at, node: of, source, reason, device, stream, origin, detail }) => [
          at,
          of,
          source,
          reason,
          device ?? '',
          stream ?? '',
          origin ?? '',
          detail,
        ]);
        process.stdout.write(
          textTable(['at', 'node', 'source', 'reason', 'device', 'stream', 'origin', 'detail'], rows),
        );
      }
    });
  return new Command('quarantine').description('look at input that was refused').addCommand(list);
}

function nodesOf(data: string, node: string | undefined): string[] {
  if (!existsSync(join(data, 'nodes'))) throw new Error(`no node ever ran on ${data}: name its directory with --data`);
  const all = readdirSync(join(data, 'nodes')).sort();
  if (node === undefined) return all;
  if (!all.includes(node)) throw new Error(`no node "${node}" in ${data}; it has ${all.join(', ') || 'none'}`);
  return [node];
}
