import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { packageRoot } from '../package-root.ts';
import { EXIT } from '../program.ts';

/** The fleet files that ship. */
export const FLEET_SIZES = ['small-factory', 'smart-building', 'oil-platform', 'smart-city'] as const;
type FleetSizeName = (typeof FLEET_SIZES)[number];

interface InitOptions {
  size: FleetSizeName;
  output: string;
  force?: true;
}

const EXAMPLES = `
Examples:
  $ headwater init                             fleet.yaml: 5 nodes with 200 devices each
  $ headwater init --size smart-city --output city.yaml
Sizes: small-factory 5 nodes x 200 devices, smart-building 20 x 500, oil-platform 50 x 1,000, smart-city 500 x 10,000.`;

/** `headwater init`: writes a commented fleet file to start from; never over an existing one unless forced. */
export function initCommand(): Command {
  return new Command('init')
    .description('write a commented fleet file to start from')
    .addOption(new Option('--size <size>', 'which fleet').choices(FLEET_SIZES).default('small-factory'))
    .option('-o, --output <file>', 'where to write it', 'fleet.yaml')
    .option('--force', 'overwrite an existing file')
    .addHelpText('after', EXAMPLES)
    .action(async ({ size, output, force }: InitOptions) => {
      const text = await readFile(join(packageRoot(), 'fleets', `${size}.yaml`), 'utf8');
      const problem = await write(output, text, force === true);
      if (problem === undefined) {
        process.stdout.write(`${output} written (${size})\nnext: headwater check ${output}\n`);
      } else {
        process.stderr.write(`headwater init: ${problem}\n`);
        process.exitCode = EXIT.problem;
      }
    });
}

/** Why the file could not be written, if so. */
async function write(file: string, text: string, overwrite: boolean): Promise<string | undefined> {
  try {
    await writeFile(file, text, { flag: overwrite ? 'w' : 'wx' });
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code === 'EEXIST' ? `${file} exists; --force overwrites it, --output FILE writes elsewhere` : message;
  }
}
