import { parseCommandLine, type SimulateCommand, USAGE } from './command-line.ts';
import { addUp, asJson, failureText, reportText } from './report.ts';
import { type SimulationResult, simulate } from './simulation.ts';

/** Runs seeds until one fails, the list ends or the time is up. Exit code 1 = an invariant was broken. */
async function run(command: SimulateCommand): Promise<void> {
  const startMs = performance.now();
  const results: SimulationResult[] = [];
  for (const seed of command.seeds) {
    if (performance.now() - startMs >= command.forMs) break;
    const promiseFailure = failOnUnhandled(seed);
    const result = await simulate({
      seed,
      maxEvents: command.maxEvents,
      years: command.years,
      focus: command.focus,
      ...(command.trace && { watch: (line) => console.log(line) }),
    });
    promiseFailure.dispose();
    results.push(result);
    if (result.violation) break;
  }
  const report = addUp(results, performance.now() - startMs);
  const failed = results.find(({ violation }) => violation !== undefined);
  console.log(command.json ? asJson(report, failed) : reportText(report));
  if (!command.json) console.log(`${results.length - (failed ? 1 : 0)} passed, ${failed ? 1 : 0} failed`);
  if (!failed) return;
  if (!command.json) console.error(failureText(failed, command));
  process.exitCode = 1;
}

/** A rejection that nobody handles is a bug of the code under test: it must name its seed. */
function failOnUnhandled(seed: bigint): { dispose: () => void } {
  const report = (error: unknown): void => {
    console.error(`seed ${seed}: a promise was rejected and nobody handled it`, error);
    process.exit(1);
  };
  process.on('unhandledRejection', report);
  return { dispose: () => void process.off('unhandledRejection', report) };
}

let command: SimulateCommand;
try {
  command = parseCommandLine(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}
await run(command);
