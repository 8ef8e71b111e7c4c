import { dirname } from 'node:path';
import { createStderrLogger } from '../../adapters/embedded/pino-logger.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { createSharedLink } from '../../adapters/mqtt/shared-link.ts';
import type { Fleet } from '../../core/fleet.ts';
import { checkNodeLedger } from '../../core/ledger.ts';
import { nodeNames, planNode } from '../../core/node-plan.ts';
import { nodeDirectory } from '../../edge/node-directory.ts';
import { nodeMetrics } from '../../edge/node-metrics.ts';
import { startPlainNode } from '../../edge/plain-node.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { EXIT } from '../program.ts';
import { chooseUplinks } from './far-side-choice.ts';
import { loadFleetOrReport } from './fleet-option.ts';
import { startMetricsServer } from './metrics-server.ts';
import { untilStopped } from './until-stopped.ts';

const FLUSH_MS = 10_000;

/** Options of `headwater node`. */
export interface NodeOptions {
  node: string;
  data: string;
  credentials?: string;
  hub?: string;
  endpoint?: string;
  mqttPort?: number;
  metricsPort?: number;
  speed: number;
  for?: number;
  json?: true;
  asDeclared?: true;
}

/** Runs one node until it is stopped; sets the exit code by its half of the ledger. */
export async function runNode(file: string, options: NodeOptions): Promise<void> {
  const stopped = untilStopped(options.for);
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  // The overlay is for a hub on a laptop: a node that delivers to an account is no demonstration.
  const demo = options.asDeclared !== true && fleet.uplink.every(({ type }) => type === 'hub');
  const plan = planNode(fleet, options.node, { demo });
  if (!plan) throw new Error(`no node "${options.node}" in ${file}; it has ${someNodes(fleet)}`);
  const logger = createStderrLogger('info');
  // Before anything is started that would keep the process alive.
  const uplinks = chooseUplinks(options, plan);
  const worker = startJournalWorker(new URL('./journal-worker.js', import.meta.url), logger);
  const node = await startPlainNode(worker, logger, {
    plan,
    directory: nodeDirectory(options.data, plan.node),
    uplinks,
    link: createSharedLink(systemClock, fleet.link.bytesPerSecond),
    fleetDirectory: dirname(file),
    speed: options.speed,
  }).catch(async (error) => {
    await worker.close();
    throw error;
  });
  const metrics =
    options.metricsPort === undefined
      ? undefined
      : await startMetricsServer(options.metricsPort, async () => nodeMetrics(await node.status())).catch(
          async (error) => {
            await node.stop(0);
            await worker.close();
            throw error;
          },
        );
  if (metrics) process.stderr.write(`node ${plan.node}: metrics at ${metrics.url}\n`);
  const ways = node.ways.map(({ farSide, endpoint: { host, port } }) => `${farSide} at ${host}:${port}`);
  process.stderr.write(`node ${plan.node}: delivering to ${ways.join(', else to ')}\n`);
  if (demo && fleet.demo) {
    process.stderr.write(
      `${file}: the demo overlay applies (shorter sync, fewer devices); --as-declared switches it off\n`,
    );
  }
  const broken = await Promise.race([stopped.then(() => undefined), worker.failed]);
  await metrics?.close();
  if (broken) throw broken;
  const { ledger, forward, failedSources } = await node.stop(FLUSH_MS);
  await worker.close();
  const problems = checkNodeLedger(ledger);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ uplink: forward.uplink, ledger, differences: problems }, null, 2)}\n`);
  else {
    const waiting = forward.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
    process.stdout.write(`node ${plan.node}: stopped, ${waiting} records wait in the journal\n`);
  }
  for (const { what, left, right } of problems) process.stderr.write(`${what}: ${left} against ${right}\n`);
  for (const source of failedSources)
    process.stderr.write(`source ${source} ended by an error: its readings are missing\n`);
  process.exitCode = problems.length + failedSources.length === 0 ? EXIT.ok : EXIT.problem;
}

function someNodes(fleet: Fleet): string {
  const names = nodeNames(fleet, { demo: false });
  return names.length > 8 ? `${names.slice(0, 8).join(', ')} … (${names.length})` : names.join(', ');
}
