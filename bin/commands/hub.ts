import { join } from 'node:path';
import { Command } from 'commander';
import { openAuditFile } from '../../adapters/embedded/audit-file.ts';
import { createStderrLogger } from '../../adapters/embedded/pino-logger.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { nodeNames } from '../../core/node-plan.ts';
import { startHub } from '../../hub/hub.ts';
import { portOption } from '../options.ts';
import { loadFleetOrReport } from '../running/fleet-option.ts';
import { noteAddress } from '../running/local-fleet.ts';
import { untilStopped } from '../running/until-stopped.ts';

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
    .action(runHub);
}

async function runHub(
  file: string,
  options: { data: string; listen: string; port?: number; mqttPort?: number },
): Promise<void> {
  const stopped = untilStopped(undefined);
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  const logger = createStderrLogger('info');
  const directory = join(options.data, 'hub');
  const hub = await startHub(
    { clock: systemClock, logger, audit: openAuditFile(directory, systemClock, logger) },
    {
      fleet,
      directory,
      listenOn: options.listen,
      mqttPort: options.mqttPort ?? fleet.hub.mqttPort,
      httpPort: options.port ?? fleet.hub.httpPort,
      nodes: nodeNames(fleet, { demo: false }),
    },
  );
  noteAddress(options.data, hub);
  process.stdout.write(`hub ${fleet.name}: MQTT ${options.listen}:${hub.mqttPort}, ${hub.url}\n`);
  await stopped;
  await hub.close();
}
