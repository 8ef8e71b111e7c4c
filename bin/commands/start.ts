import { Command } from 'commander';
import { createFileLogger } from '../../adapters/embedded/pino-logger.ts';
import { durationOption, portOption, positiveIntOption, speedOption } from '../options.ts';
import { EXIT } from '../program.ts';
import { figuresOf } from '../running/figures.ts';
import { loadFleetOrReport } from '../running/fleet-option.ts';
import { ledgerText } from '../running/ledger-text.ts';
import { type LocalFleet, startLocalFleet } from '../running/local-fleet.ts';
import { reportOf } from '../running/report.ts';
import { createScreen, type Screen } from '../running/screen.ts';
import { untilStopped } from '../running/until-stopped.ts';

const FLUSH_MS = 10_000;
const REFRESH_MS = 500;

const EXAMPLES = `
Examples:
  $ headwater start fleets/small-factory.yaml               until Ctrl-C
  $ headwater start fleet.yaml --for 30s --json             one JSON document at the end
  $ headwater start fleet.yaml --speed 60x --data /tmp/try  an hour of simulated time a minute
  $ headwater start fleets/smart-city.yaml --nodes 3        three of its 500 nodes

A second start with the same --data continues where the first ended. Exit code 1 if the ledger does not balance.`;

interface StartOptions {
  for?: number;
  json?: true;
  data: string;
  speed: number;
  nodes?: number;
  port?: number;
  mqttPort?: number;
  asDeclared?: true;
}

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
    .action(start);
}

async function start(file: string, options: StartOptions): Promise<void> {
  const stopped = untilStopped(options.for);
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  const logger = createFileLogger('info', options.data);
  const running = await startLocalFleet(logger, {
    fleet,
    fleetFile: file,
    data: options.data,
    options: { demo: options.asDeclared !== true, nodes: options.nodes },
    speed: options.speed,
    mqttPort: options.mqttPort,
    httpPort: options.port,
  });
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const screen = options.json ? undefined : createScreen(process.stdout);
  const refreshing = screen ? refresh(running, screen, fleet.name, seconds) : undefined;
  const broken = await Promise.race([stopped.then(() => undefined), running.failed]);
  await refreshing?.stop();
  if (broken) throw broken;
  if (!options.json) process.stderr.write('stopping: delivering what waits, 10 s at most …\n');
  const ending = await running.stop(FLUSH_MS);
  if (options.json)
    process.stdout.write(`${JSON.stringify(reportOf(ending, { fleet: fleet.name, seconds: seconds() }), null, 2)}\n`);
  else process.stdout.write(`\n${ledgerText(ending.ledger)}`);
  process.exitCode = ending.ledger.balanced ? EXIT.ok : EXIT.problem;
}

function refresh(running: LocalFleet, screen: Screen, fleet: string, seconds: () => number): { stop(): Promise<void> } {
  let stopped = false;
  let showing: Promise<void> = Promise.resolve();
  const show = async (): Promise<void> => {
    const [statuses, hub] = await Promise.all([running.statuses(), running.hub.status()]);
    if (stopped) return;
    screen.show({
      ...figuresOf(statuses),
      fleet,
      seconds: seconds(),
      stored: hub.store.rows,
      url: running.hub.url,
      mqtt: hub.address.mqtt,
    });
  };
  const timer = setInterval(() => {
    showing = showing.then(() => show()).catch(() => undefined); // the next picture will do
  }, REFRESH_MS);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await showing;
      screen.end();
    },
  };
}
