import { Command } from 'commander';
import { fleetJsonSchema } from '../../core/fleet.ts';

const EXAMPLES = `
Example:
  $ headwater schema > fleet.schema.json
  and as the first line of the fleet file, for editors with the YAML language server:
  # yaml-language-server: $schema=fleet.schema.json`;

/** `headwater schema`: the JSON Schema of fleet files. */
export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schema of fleet files, for editors')
    .addHelpText('after', EXAMPLES)
    .action(() => {
      process.stdout.write(`${JSON.stringify(fleetJsonSchema(), null, 2)}\n`);
    });
}
