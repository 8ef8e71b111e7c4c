import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { MUTANTS, type Mutant } from './mutants.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MAX_SEEDS = 200;
/** Short seeds: a bug shows soon or in another seed. */
const EVENTS = 4_000;
const run = promisify(execFile);

interface Outcome {
  mutant: Mutant;
  /** Undefined = not caught. */
  caught: { seed: string; event: number; seeds: number; events: number; invariant: string } | undefined;
  seconds: number;
  problem?: string;
}

/** Bundles the simulator with one bug in it, and runs seeds until the simulator notices. */
async function tryMutant(mutant: Mutant, directory: string): Promise<Outcome> {
  const startMs = performance.now();
  const seconds = (): number => (performance.now() - startMs) / 1_000;
  const path = join(ROOT, mutant.file);
  const source = await readFile(path, 'utf8');
  const found = source.split(mutant.find).length - 1;
  if (found !== 1) {
    return {
      mutant,
      caught: undefined,
      seconds: 0,
      problem: `its text occurs ${found} times in ${mutant.file}, expected once`,
    };
  }
  const bundle = join(directory, `${MUTANTS.indexOf(mutant)}.mjs`);
  await build({
    entryPoints: [join(ROOT, 'simulator/main.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: bundle,
    logLevel: 'error',
    // Found beside the bundle: some of them load files of their own.
    packages: 'external',
    plugins: [
      {
        name: 'mutant',
        setup(plugin) {
          plugin.onLoad({ filter: /\.ts$/ }, (args) =>
            args.path === path
              ? { contents: source.replace(mutant.find, () => mutant.replace), loader: 'ts' }
              : undefined,
          );
        },
      },
    ],
  });
  const args = [bundle, '--seeds', `1..${MAX_SEEDS}`, '--events', String(EVENTS), '--json'];
  if (mutant.focus) args.push('--focus', mutant.focus);
  const { stdout, stderr } = await run(process.execPath, args, { maxBuffer: 2 ** 26 }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  const report = stdout.trim().startsWith('{') ? JSON.parse(stdout) : undefined;
  const thrown = /^seed (\d+): (a promise was rejected and nobody handled it)/m.exec(stderr);
  if (thrown) {
    const [, seed, invariant] = thrown as unknown as [string, string, string];
    return { mutant, caught: { seed, event: 0, seeds: 0, events: 0, invariant }, seconds: seconds() };
  }
  if (!report) return { mutant, caught: undefined, seconds: seconds(), problem: stderr.slice(0, 500) };
  const { failed, seeds, events } = report;
  return {
    mutant,
    caught: failed && { seed: failed.seed, event: failed.event, seeds, events, invariant: failed.invariant },
    seconds: seconds(),
  };
}

const wanted = process.argv[2];
const directory = await mkdtemp(join(tmpdir(), 'headwater-mutants-'));
await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
const queue = MUTANTS.filter(({ name, seldom }) => (wanted === undefined ? !seldom : name.includes(wanted)));
const missed: Outcome[] = [];
let caughtOnes = 0;

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const outcome = await tryMutant(mutant, directory);
    const { caught, seconds, problem } = outcome;
    const text = caught
      ? `caught by seed ${caught.seed} at event ${caught.event} (${caught.events} in all): ${caught.invariant}`
      : `NOT CAUGHT${problem ? `: ${problem}` : ` within ${MAX_SEEDS} seeds`}`;
    console.log(`${mutant.name}: ${text} [${seconds.toFixed(1)} s]`);
    if (caught) caughtOnes++;
    else missed.push(outcome);
  }
}

try {
  await Promise.all(Array.from({ length: availableParallelism() }, work));
} finally {
  await rm(directory, { recursive: true, force: true });
}
console.log(`${caughtOnes} passed, ${missed.length} failed`);
if (missed.length > 0) process.exitCode = 1;
