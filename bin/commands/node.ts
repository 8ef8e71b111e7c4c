import { Command } from 'commander';
import { durationOption, portOption, speedOption } from '../options.ts';
import type { NodeOptions } from '../running/run-node.ts';

const EXAMPLES = `
Examples:
  $ headwater node fleet.yaml --node press-hall-001 --credentials ./press-hall-001
  $ headwater node fleet.yaml --node press-hall-001 --hub hub.plant.example:8883 --for 10m --json
  $ headwater node fleet.yaml --node pump-01 --credentials /etc/headwater/pump-01       uplink iot-core: no hub needed`;

/** `headwater node FLEET --node NAME`: one node alone. */
export function nodeCommand(): Command {
  return new Command('node')
    .description('run one node of a fleet alone')
    .argument('<fleet>', 'fleet file (YAML)')
    .requiredOption('--node <name>', 'the node to be')
    .option('--data <dir>', 'where everything durable is kept', '.headwater')
    .option('--credentials <dir>', "folder with ca.crt, node.crt, node.key (default: the hub's, on the same machine)")
    .option('--hub <host[:port]>', 'address of the hub (default: the uplink of the fleet file)')
    .option(
      '--endpoint <host[:port]>',
      "the account's IoT Core endpoint (default: the fleet file, then uplink.json beside the credentials)",
    )
    .option('--mqtt-port <port>', "the hub's MQTT port", portOption)
    .option('--metrics-port <port>', 'serve /metrics on 127.0.0.1 (default: not at all)', portOption)
    .option('--speed <factor>', 'replayed and simulated time runs so many times faster', speedOption, 1)
    .option('--for <duration>', 'stop by itself after this time', durationOption)
    .option('--json', 'print the ledger of the node as JSON at the end')
    .option('--as-declared', 'without the demo: overlay of the fleet file')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: NodeOptions) =>
      (await import('../running/run-node.ts')).runNode(file, options),
    );
}
