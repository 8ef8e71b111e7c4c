import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HubStatus } from '../hub/status.ts';
import { memoryOf, startNode } from './support/command.ts';
import { median, megabytes, short, spread } from './support/figures.ts';
import { COMMAND } from './support/paths.ts';
import type { Claim, Section } from './support/section.ts';
import { FLEET_FILE } from './support/small-factory.ts';
import { withFolder } from './support/temporary.ts';
import { until } from './support/waiting.ts';

const START_ROUNDS = 3;
const VERSION_ROUNDS = 9;
/** Long enough for several sync intervals of the demonstration. */
const RUN_S = 8;

export const memoryStart: Claim = { id: 'memory-start', title: 'Memory and start', run };

interface Started {
  hubMs: number;
  screenMs: number;
  storedMs: number;
  /** MB. */
  rssAtStored: number;
  rssPeak: number;
  rows: number;
}

async function run(): Promise<Section> {
  const version: number[] = [];
  const empty: number[] = [];
  const emptyRss: number[] = [];
  for (let round = 0; round < VERSION_ROUNDS; round++) {
    version.push((await runToEnd([COMMAND, '--version'])).ms);
    const bare = await runToEnd(['-e', 'console.log(process.memoryUsage.rss())']);
    empty.push(bare.ms);
    emptyRss.push(megabytes(Number(bare.output)));
  }
  const starts: Started[] = [];
  for (let round = 0; round < START_ROUNDS; round++) starts.push(await withFolder(startOnce));
  const of = (figure: keyof Started): number[] => starts.map((one) => one[figure]);
  const against = (ms: readonly number[]): string => short(median(ms) / median(empty));
  const row = (what: string, ms: readonly number[], rss: readonly number[]): string[] => [
    what,
    spread(ms),
    against(ms),
    rss.length === 0 ? '–' : spread(rss),
  ];
  return {
    says: `The small factory, 5 nodes with 200 devices each and the hub in one process, has its first row stored ${short(median(of('storedMs')) / 1_000)} s after the start and its first screen after ${short(median(of('screenMs')) / 1_000)} s; it peaks at ${short(median(of('rssPeak')))} MB where an empty Node process takes ${short(median(emptyRss))} MB.`,
    method: `\`headwater start fleets/small-factory.yaml --for ${RUN_S}s\` into an empty folder, output to a pipe, the hub's /status asked each 10 ms; \`headwater --version\` against \`node -e\` that prints a number, in turns. Each run is a process of its own. The soonest streams of that fleet leave a second after their commit, and the screen is drawn twice a second.`,
    noise: `${START_ROUNDS} starts, ${VERSION_ROUNDS} rounds of the short commands in turns; median (smallest–largest). Rows stored when last asked: ${spread(of('rows'))}.`,
    tables: [
      {
        head: ['from process start to', 'ms', '× empty Node', 'RSS then, MB'],
        rows: [
          row('end of an empty Node process', empty, emptyRss),
          row('end of `headwater --version`', version, []),
          row('hub answers on HTTP (certificates made)', of('hubMs'), []),
          row('first screen', of('screenMs'), []),
          row('first row stored', of('storedMs'), of('rssAtStored')),
          [`peak within ${RUN_S} s`, '–', '–', spread(of('rssPeak'))],
        ],
      },
    ],
    promises: [
      {
        what: 'first screen of `headwater start`',
        promised: '≤ 10 s',
        reached: `${short(median(of('screenMs')) / 1_000)} s`,
        kept: median(of('screenMs')) <= 10_000 ? 'yes' : 'no',
      },
      { what: 'RSS against Node-RED', promised: '≤ 0.5×', reached: '–', kept: 'not measured yet' },
      { what: 'start against Node-RED', promised: '≤ 0.35×', reached: '–', kept: 'not measured yet' },
    ],
  };
}

async function runToEnd(args: readonly string[]): Promise<{ ms: number; output: string }> {
  const command = startNode(args);
  const { code, at } = await command.ended;
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}: ${command.output()}`);
  return { ms: at - command.startedAt, output: command.output() };
}

async function startOnce(data: string): Promise<Started> {
  const ports = ['--port', '0', '--mqtt-port', '0'];
  const command = startNode([COMMAND, 'start', FLEET_FILE, '--data', data, '--for', `${RUN_S}s`, ...ports]);
  const since = (at: number): number => at - command.startedAt;
  const addressFile = join(data, 'hub/address.json');
  const url = await until('address of the hub', () => (existsSync(addressFile) ? urlIn(addressFile) : undefined));
  await until('health of the hub', () => answerOf(`${url}/health`));
  const hubMs = since(performance.now());
  const rowsStored = async (): Promise<number | undefined> =>
    (await answerOf<HubStatus>(`${url}/status`))?.store.rows || undefined;
  let rows = await until('first row', rowsStored);
  const storedMs = since(performance.now());
  const atStored = memoryOf(command.pid);
  let peak = atStored?.peak ?? Number.NaN;
  const ended = command.ended.then((end) => end.code);
  let code: number | null | undefined;
  void ended.then((value) => {
    code = value;
  });
  await until(
    'its end',
    async () => {
      peak = memoryOf(command.pid)?.peak ?? peak;
      rows = (await rowsStored()) ?? rows;
      return code;
    },
    (RUN_S + 30) * 1_000,
  );
  if (code !== 0) throw new Error(`headwater start ended with ${code}: ${command.output().slice(-2_000)}`);
  const rss = atStored?.rss ?? Number.NaN;
  const screenMs = since(await command.firstOutput);
  return { hubMs, screenMs, storedMs, rssAtStored: megabytes(rss), rssPeak: megabytes(peak), rows };
}

/** The file may be there and not yet whole. */
function urlIn(file: string): string | undefined {
  const text = readFileSync(file, 'utf8');
  return text.endsWith('\n') ? (JSON.parse(text) as { url: string }).url : undefined;
}

/** Undefined while nobody answers. */
async function answerOf<T = unknown>(url: string): Promise<T | undefined> {
  const response = await fetch(url).catch(() => undefined);
  return response?.ok ? ((await response.json()) as T) : undefined;
}
