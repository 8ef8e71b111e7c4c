import { type FleetFileProblem, loadFleet } from '../../adapters/fleet-file.ts';
import type { Fleet } from '../../core/fleet.ts';
import { EXIT } from '../program.ts';

/** The fleet of a file, or undefined after its problems were reported and the exit code set. */
export async function loadFleetOrReport(file: string): Promise<Fleet | undefined> {
  const loaded = await loadFleet(file);
  if (loaded.ok) return loaded.fleet;
  process.stderr.write(problemLines(file, loaded.problems));
  process.exitCode = EXIT.problem;
  return undefined;
}

const problemLines = (file: string, problems: readonly FleetFileProblem[]): string =>
  problems.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}\n`).join('');
