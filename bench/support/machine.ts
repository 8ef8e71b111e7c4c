import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { packageRoot } from '../../bin/package-root.ts';

/** What the figures of a run hold for, in one line. */
export function machineLine(now: Date): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  return [
    `${model}, ${processors.length} cores, ${memory}`,
    `Node ${process.version} on ${process.platform} ${process.arch}`,
    now.toISOString().slice(0, 10),
    `commit ${commit()}`,
  ].join(' · ');
}

/** `unknown` where there is no git, such as in an unpacked archive. */
function commit(): string {
  try {
    const id = git('rev-parse', '--short', 'HEAD').trim();
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== '';
    return changed ? `${id} with changes` : id;
  } catch {
    return 'unknown';
  }
}

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: packageRoot(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
