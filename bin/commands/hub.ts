import { Command } from 'commander';
import { portOption } from '../options.ts';
import type { HubOptions } from '../running/run-hub.ts';

const EXAMPLES = `
Examples:
  $ headwater hub fleet.yaml --data /var/lib/headwater --listen 0.0.0.0
  then copy /var/lib/headwater/hub/pki/credentials/NODE to the machine of NODE and run there
  $ headwater node fleet.yaml --node NODE --credentials DIR`;

/** `headwater hub FLEET`: the hub alone. */
export function hubCommand(): Command {
  return new Command('hub')
    .description('run the hub of a fleet alone; nodes connect to it from other processes or machines')
    .argument('<fleet>', 'fleet file (YAML)')
    .option('--data <dir>', 'where everything durable is kept', '.headwater')
    .option('--listen <address>', 'address to listen on for MQTT; HTTP stays on localhost', '127.0.0.1')
    .option('--port <port>', 'HTTP port, 0 = any free one (default: hub.httpPort)', portOption)
    .option('--mqtt-port <port>', 'MQTT port, 0 = any free one (default: hub.mqttPort)', portOption)
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: HubOptions) => (await import('../running/run-hub.ts')).runHub(file, options));
}
