import { Command } from 'commander';
import { type FleetFileProblem, loadFleet } from '../../adapters/fleet-file.ts';
import type { Fleet } from '../../core/fleet.ts';
import { type FleetSize, fleetSize } from '../../core/fleet-size.ts';
import { explainPriorities } from '../../core/priority-check.ts';
import { planPriorities } from '../../core/priority-schema.ts';
import { colours, errorColours } from '../colours.ts';
import { EXIT } from '../program.ts';

const EXAMPLES = `
Examples:
  $ headwater check fleet.yaml
  $ headwater check fleet.yaml --json          for scripts: { "ok": false, "problems": [...] }`;

/** `headwater check FLEET`: every problem of a fleet file at once; exit 1 if there is any. */
export function checkCommand(): Command {
  return new Command('check')
    .description('report every problem of a fleet file, with line and column')
    .argument('<fleet>', 'fleet file (YAML)')
    .option('--json', 'one JSON document')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: { json?: true }) => {
      const loaded = await loadFleet(file);
      if (!loaded.ok) process.exitCode = EXIT.problem;
      if (options.json) {
        const result = loaded.ok
          ? { ok: true, name: loaded.fleet.name, declared: declaredSize(loaded.fleet), demo: demoSize(loaded.fleet) }
          : { ok: false, problems: loaded.problems.map((problem) => ({ file, ...problem })) };
        process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      } else if (loaded.ok) process.stdout.write(summary(file, loaded.fleet));
      else process.stderr.write(report(file, loaded.problems));
    });
}

const declaredSize = (fleet: Fleet): FleetSize => fleetSize(fleet, { demo: false });
const demoSize = (fleet: Fleet): FleetSize | undefined => (fleet.demo ? fleetSize(fleet, { demo: true }) : undefined);

/** One problem a line, as compilers write them, so that editors can jump to it. */
function report(file: string, problems: readonly FleetFileProblem[]): string {
  const lines = problems.map(
    ({ line, column, message }) => `${errorColours.bold(`${file}:${line}:${column}:`)} ${message}`,
  );
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
  return `${lines.join('\n')}\n${errorColours.red(count)}\n`;
}

function summary(file: string, fleet: Fleet): string {
  const demo = demoSize(fleet);
  return [
    `${colours.green('ok')} ${file}: fleet ${fleet.name}`,
    `  as declared: ${sizeText(declaredSize(fleet))}`,
    ...(demo ? [`  demo overlay: ${sizeText(demo)}`] : []),
    '  delivery:',
    ...explainPriorities(planPriorities(fleet.priorities)).map((line) => `    ${line}`),
    '',
  ].join('\n');
}

function sizeText({ nodes, devices, series, readingsPerSecond }: FleetSize): string {
  const number = (value: number): string => Math.round(value).toLocaleString('en-US');
  return `${number(nodes)} nodes, ${number(devices)} devices, ${number(series)} streams, about ${number(readingsPerSecond)} readings/s`;
}
