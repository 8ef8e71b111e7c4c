import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Command {
  pid: number;
  /** performance.now() before it was started. */
  startedAt: number;
  /** Resolves with the time of its first output. */
  firstOutput: Promise<number>;
  /** Resolves with its exit code and the time. */
  ended: Promise<{ code: number | null; at: number }>;
  output(): string;
  kill(signal: NodeJS.Signals): void;
}

const running = new Set<number>();
process.on('exit', () => {
  for (const pid of running) process.kill(pid, 'SIGKILL');
});

/** A Node process with these arguments; killed if this one ends first. */
export function startNode(args: readonly string[]): Command {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} did not start`);
  running.add(pid);
  let output = '';
  const firstOutput = new Promise<number>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      resolve(performance.now());
      output += chunk;
    });
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const ended = new Promise<{ code: number | null; at: number }>((resolve) =>
    child.once('close', (code) => {
      running.delete(pid);
      resolve({ code, at: performance.now() });
    }),
  );
  return { pid, startedAt, firstOutput, ended, output: () => output, kill: (signal) => void child.kill(signal) };
}

/** Resident memory now and at its highest, bytes; undefined once it has ended, and outside Linux. */
export function memoryOf(pid: number): { rss: number; peak: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    const rss = field('VmRSS');
    return Number.isNaN(rss) ? undefined : { rss, peak: field('VmHWM') };
  } catch {
    return undefined;
  }
}
