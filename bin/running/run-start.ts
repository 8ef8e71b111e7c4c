import { createFileLogger } from '../../adapters/embedded/pino-logger.ts';
import { EXIT } from '../program.ts';
import { figuresOf } from './figures.ts';
import { loadFleetOrReport } from './fleet-option.ts';
import { ledgerText } from './ledger-text.ts';
import { type Ending, type LocalFleet, startLocalFleet } from './local-fleet.ts';
import { reportOf } from './report.ts';
import { createScreen, type Screen } from './screen.ts';
import { type Troubles, watchTroubles } from './troubles.ts';
import { untilStopped } from './until-stopped.ts';

const FLUSH_MS = 10_000;
const REFRESH_MS = 500;

/** Options of `headwater start`. */
export interface StartOptions {
  for?: number;
  json?: true;
  data: string;
  speed: number;
  nodes?: number;
  port?: number;
  mqttPort?: number;
  asDeclared?: true;
}

/** Runs a fleet until it is stopped; sets the exit code by its ledger. */
export async function runStart(file: string, options: StartOptions): Promise<void> {
  const stopped = untilStopped(options.for);
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  const { logger, troubles } = watchTroubles(createFileLogger('info', options.data));
  const running = await startLocalFleet(logger, {
    fleet,
    fleetFile: file,
    data: options.data,
    options: { demo: options.asDeclared !== true, nodes: options.nodes },
    speed: options.speed,
    mqttPort: options.mqttPort,
    httpPort: options.port,
  });
  if (fleet.uplink.some(({ type }) => type === 'iot-core')) {
    process.stderr.write('uplink iot-core is not used: start delivers to the hub in this process\n');
  }
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const screen = options.json ? undefined : createScreen(process.stdout);
  const refreshing = screen
    ? refresh(running, screen, { fleet: fleet.name, data: options.data, troubles, seconds })
    : undefined;
  const broken = await Promise.race([stopped.then(() => undefined), running.failed]);
  await refreshing?.stop();
  if (broken) throw broken;
  if (!options.json) process.stderr.write('stopping: delivering what waits, 10 s at most …\n');
  const ending = await running.stop(FLUSH_MS);
  if (options.json)
    process.stdout.write(`${JSON.stringify(reportOf(ending, { fleet: fleet.name, seconds: seconds() }), null, 2)}\n`);
  else process.stdout.write(`\n${ledgerText(ending.ledger)}`);
  process.stderr.write(remarks(ending, troubles, options.data));
  process.exitCode = ending.ledger.balanced && ending.failedSources.length === 0 ? EXIT.ok : EXIT.problem;
}

/** What the ledger alone does not tell: it balances with refused readings and sources that are silent, too. */
function remarks({ statuses, failedSources }: Ending, { count, last }: Troubles, data: string): string {
  const { refused } = figuresOf(statuses);
  const lines = failedSources.map((source) => `source ${source} ended by an error: its readings are missing`);
  if (refused > 0) lines.push(`${refused} readings were refused: headwater quarantine list --data ${data}`);
  if (count > 0) lines.push(`${count} warnings in ${data}/headwater.ndjson, the last: ${last}`);
  return lines.map((line) => `${line}\n`).join('');
}

interface Shown {
  fleet: string;
  data: string;
  troubles: Troubles;
  seconds: () => number;
}

function refresh(running: LocalFleet, screen: Screen, shown: Shown): { stop(): Promise<void> } {
  let stopped = false;
  let showing: Promise<void> = Promise.resolve();
  const show = async (): Promise<void> => {
    const [statuses, hub] = await Promise.all([running.statuses(), running.hub.status()]);
    if (stopped) return;
    screen.show({
      ...figuresOf(statuses),
      fleet: shown.fleet,
      data: shown.data,
      troubles: { ...shown.troubles },
      seconds: shown.seconds(),
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
