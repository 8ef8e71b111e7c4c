import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { createStderrLogger } from '../../adapters/embedded/pino-logger.ts';
import type { Fleet } from '../../core/fleet.ts';
import { checkNodeLedger } from '../../core/ledger.ts';
import { nodeNames, planNode } from '../../core/node-plan.ts';
import { nodeDirectory, startPlainNode } from '../../edge/plain-node.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { durationOption, portOption, speedOption } from '../options.ts';
import { EXIT } from '../program.ts';
import { loadFleetOrReport } from '../running/fleet-option.ts';
import { untilStopped } from '../running/until-stopped.ts';

const FLUSH_MS = 10_000;
const EXAMPLES = `
Examples:
  $ headwater node fleet.yaml --node press-hall-001 --credentials ./press-hall-001
  $ headwater node fleet.yaml --node press-hall-001 --hub hub.plant.example:8883 --for 10m --json`;

interface NodeOptions {
  node: string;
  data: string;
  credentials?: string;
  hub?: string;
  mqttPort?: number;
  speed: number;
  for?: number;
  json?: true;
  asDeclared?: true;
}

/** `headwater node FLEET --node NAME`: one node alone. */
export function nodeCommand(): Command {
  return new Command('node')
    .description('run one node of a fleet alone')
    .argument('<fleet>', 'fleet file (YAML)')
    .requiredOption('--node <name>', 'the node to be')
    .option('--data <dir>', 'where everything durable is kept', '.headwater')
    .option('--credentials <dir>', "folder with ca.crt, node.crt, node.key (default: the hub's, on the same machine)")
    .option('--hub <host[:port]>', 'address of the hub (default: the uplink of the fleet file)')
    .option('--mqtt-port <port>', "the hub's MQTT port", portOption)
    .option('--speed <factor>', 'replayed and simulated time runs so many times faster', speedOption, 1)
    .option('--for <duration>', 'stop by itself after this time', durationOption)
    .option('--json', 'print the ledger of the node as JSON at the end')
    .option('--as-declared', 'without the demo: overlay of the fleet file')
    .addHelpText('after', EXAMPLES)
    .action(runNode);
}

async function runNode(file: string, options: NodeOptions): Promise<void> {
  const stopped = untilStopped(options.for);
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  const plan = planNode(fleet, options.node, { demo: options.asDeclared !== true });
  if (!plan) throw new Error(`no node "${options.node}" in ${file}; it has ${someNodes(fleet)}`);
  const logger = createStderrLogger('info');
  const worker = startJournalWorker(new URL('./journal-worker.js', import.meta.url), logger);
  const hub = hubAddress(options, plan.uplink);
  const node = await startPlainNode(worker, logger, {
    plan,
    directory: nodeDirectory(options.data, plan.node),
    credentials: options.credentials ?? defaultCredentials(options.data, plan.node),
    hub,
    fleetDirectory: dirname(file),
    speed: options.speed,
  }).catch(async (error) => {
    await worker.close();
    throw error;
  });
  process.stderr.write(`node ${plan.node}: delivering to ${hub.host}:${hub.port}\n`);
  const broken = await Promise.race([stopped.then(() => undefined), worker.failed]);
  if (broken) throw broken;
  const { ledger, forward } = await node.stop(FLUSH_MS);
  await worker.close();
  const problems = checkNodeLedger(ledger);
  if (options.json) process.stdout.write(`${JSON.stringify({ ledger, differences: problems }, null, 2)}\n`);
  else {
    const waiting = forward.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
    process.stdout.write(`node ${plan.node}: stopped, ${waiting} records wait in the journal\n`);
  }
  for (const { what, left, right } of problems) process.stderr.write(`${what}: ${left} against ${right}\n`);
  process.exitCode = problems.length === 0 ? EXIT.ok : EXIT.problem;
}

function hubAddress(options: NodeOptions, uplink: { host: string; port: number }): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(options.hub ?? '');
  if (options.hub !== undefined && !match) throw new Error(`--hub ${options.hub}: expected host or host:port`);
  const port = options.mqttPort ?? (match?.[3] === undefined ? uplink.port : portOption(match[3]));
  return { host: match?.[1] ?? match?.[2] ?? uplink.host, port };
}

function defaultCredentials(data: string, node: string): string {
  const fromHub = join(data, 'hub', 'pki', 'credentials', node);
  return existsSync(fromHub) ? fromHub : join(nodeDirectory(data, node), 'credentials');
}

function someNodes(fleet: Fleet): string {
  const names = nodeNames(fleet, { demo: false });
  return names.length > 8 ? `${names.slice(0, 8).join(', ')} … (${names.length})` : names.join(', ');
}
