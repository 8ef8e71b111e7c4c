import { join } from 'node:path';
import { openAuditFile } from '../../adapters/embedded/audit-file.ts';
import { createStderrLogger } from '../../adapters/embedded/pino-logger.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { nodeNames } from '../../core/node-plan.ts';
import { startHub } from '../../hub/hub.ts';
import { loadFleetOrReport } from './fleet-option.ts';
import { noteAddress } from './hub-address.ts';
import { untilStopped } from './until-stopped.ts';

/** Options of `headwater hub`. */
export interface HubOptions {
  data: string;
  listen: string;
  port?: number;
  mqttPort?: number;
}

/** Runs the hub until it is stopped. */
export async function runHub(file: string, options: HubOptions): Promise<void> {
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
