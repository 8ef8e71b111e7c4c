import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../bin/package-root.ts';
import { median, ratios, short, spread } from './support/figures.ts';
import type { DeployTimes } from './support/measure-deploy.ts';
import type { Claim, Section } from './support/section.ts';

const ROUNDS = 3;
const FLEETS = ['fleets/small-factory.yaml', 'fleets/smart-city.yaml'];
const run = promisify(execFile);

export const deploy: Claim = { id: 'deploy', title: 'Time of deploy', run: measureAll };

async function measureAll(): Promise<Section> {
  const times = new Map<string, DeployTimes[]>(FLEETS.map((fleet) => [fleet, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const fleet of FLEETS) times.get(fleet)!.push(await deployTwice(fleet));
  }
  const seconds = (of: readonly DeployTimes[], which: keyof DeployTimes): number[] =>
    of.map((one) => one[which] / 1_000);
  const [small, city] = FLEETS.map((fleet) => times.get(fleet)!);
  const larger = ratios(seconds(city!, 'first'), seconds(small!, 'first'));
  return {
    says: `headwater deploy of the small factory takes ${spread(seconds(small!, 'first'))} s to an empty emulated account and ${spread(seconds(small!, 'second'))} s when nothing changed; smart-city, with 100 times the nodes, takes ${short(median(larger))} times as long, because nodes are no resources.`,
    method:
      'headwater deploy (check, synthesis with cdk-nag, the real CDK CLI) to the emulator of npm run test:cloud, bootstrapped before; then once more.',
    noise: `${ROUNDS} rounds, a new emulator each, fleets in turns; median (smallest–largest).`,
    tables: [
      {
        head: ['fleet', 'first deploy, s', 'nothing changed, s'],
        rows: FLEETS.map((fleet) => {
          const of = times.get(fleet)!;
          return [fleet, spread(seconds(of, 'first')), spread(seconds(of, 'second'))];
        }),
      },
    ],
    promises: [],
    caveats: ['what CloudFormation takes in a real account: minutes, most of them for keys, queues and roles.'],
  };
}

async function deployTwice(fleet: string): Promise<DeployTimes> {
  const root = packageRoot();
  const script = join(root, 'bench/support/measure-deploy.ts');
  const { stdout } = await run(process.execPath, ['--import', 'tsx', script, fleet], { cwd: root });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as DeployTimes;
}
