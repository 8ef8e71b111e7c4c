import { Command } from 'commander';
import { durationOption, portOption, positiveIntOption, speedOption } from '../options.ts';
import type { StartOptions } from '../running/run-start.ts';

const EXAMPLES = `
Examples:
  $ headwater start fleets/small-factory.yaml               until Ctrl-C
  $ headwater start fleet.yaml --for 30s --json             one JSON document at the end
  $ headwater start fleet.yaml --speed 60x --data /tmp/try  an hour of simulated time a minute
  $ headwater start fleets/smart-city.yaml --nodes 3        three of its 500 nodes

A second start with the same --data continues where the first ended. Exit code 1 if the ledger does not balance.`;

/** `headwater start FLEET`: the hub and all nodes of a fleet on this machine. */
export function startCommand(): Command {
  return new Command('start')
    .description('run a whole fleet on this machine: the hub, its nodes, and the machine itself as a device')
    .argument('<fleet>', 'fleet file (YAML)')
    .option('--for <duration>', 'stop by itself after this time, such as 30s', durationOption)
    .option('--json', 'print one JSON document at the end, and nothing else')
    .option('--data <dir>', 'where everything durable is kept', '.headwater')
    .option('--speed <factor>', 'replayed and simulated time runs so many times faster, such as 60x', speedOption, 1)
    .option('--nodes <n>', 'run at most so many nodes', positiveIntOption)
    .option('--port <port>', "the hub's HTTP port, 0 = any free one (default: hub.httpPort of the fleet)", portOption)
    .option('--mqtt-port <port>', "the hub's MQTT port, 0 = any free one (default: hub.mqttPort)", portOption)
    .option('--as-declared', 'without the demo: overlay of the fleet file')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: StartOptions) =>
      // The broker, the store and their libraries load only when they are needed: other commands start sooner.
      (await import('../running/run-start.ts')).runStart(file, options),
    );
}
