import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { withoutStaleBuild } from './stale-build.ts';

/** The command line as it is installed: bin/headwater.js on dist/, which `npm run build` makes. */
const BINARY = resolve(import.meta.dirname, '../../bin/headwater.js');
if (!existsSync(resolve(import.meta.dirname, '../../dist/headwater.js'))) throw new Error('run "npm run build" first');

export const FLEETS = resolve(import.meta.dirname, '../../fleets');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface Launched {
  readonly pid: number;
  out(): string;
  err(): string;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. */
  end(name: NodeJS.Signals): Promise<Ended>;
  ended: Promise<Ended>;
}

const children = new Set<ChildProcess>();

/**
 * A headwater process of its own. `killAll` ends what a failed test leaves behind.
 *
 * @param options.env the whole environment; default: this process's
 */
export function launch(args: readonly string[], options: { shell?: string; env?: NodeJS.ProcessEnv } = {}): Launched {
  const argv = [process.execPath, BINARY, ...args];
  const [command, ...rest] =
    options.shell === undefined ? argv : ['/bin/sh', '-c', `${options.shell}; exec "$@"`, 'sh', ...argv];
  const env = options.env ?? { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(command!, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const text = { out: '', err: '' };
  for (const [stream, name] of [[child.stdout, 'out'] as const, [child.stderr, 'err'] as const]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  let running = true;
  const ended = new Promise<Ended>((done, fail) => {
    child.on('error', fail).on('close', (code, signal) => {
      running = false;
      children.delete(child);
      done({ code, signal, out: text.out, err: withoutStaleBuild(text.err) });
    });
  });
  ended.catch(() => undefined); // whoever waits hears of it
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    pid: child.pid!,
    out: () => text.out,
    err: () => withoutStaleBuild(text.err),
    isRunning: () => running,
    signal,
    end(name) {
      signal(name);
      return ended;
    },
    ended,
  };
}

/** A command that ends by itself. */
export const run = (...args: string[]): Promise<Ended> => launch(args).ended;

export async function killAll(): Promise<void> {
  const closed = [...children].map((child) => new Promise((done) => child.once('close', done)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(closed);
}

/** Asks again and again until there is an answer; fails after the deadline with what was awaited. */
export async function eventually<T>(
  what: string | (() => string),
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 20_000,
  everyMs = 20,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > endMs) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((done) => setTimeout(done, everyMs));
  }
}

/** Ports that belong to this process's tests alone: neighbours in process number are its sisters in the same run. */
const BLOCK = 16;
const firstPort = 20_000 + ((process.pid * BLOCK) % 12_000);
let givenPorts = 0;

/**
 * A port that a killed process can take again: below the range from which the kernel gives ports to connections, and
 * in a block of this process's own, so that nobody else is given it meanwhile. Each call gives another.
 */
export async function steadyPort(): Promise<number> {
  while (givenPorts < BLOCK) {
    const port = firstPort + givenPorts++;
    const server = createServer();
    const free = await new Promise<boolean>((done) => {
      server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
    });
    if (!free) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
  throw new Error(`no free port between ${firstPort} and ${firstPort + BLOCK}`);
}

/** Writes a fleet file (JSON is YAML) and gives its path. */
export async function writeFleet(directory: string, fleet: object): Promise<string> {
  const file = join(directory, 'fleet.yaml');
  await writeFile(file, JSON.stringify({ version: 1, sites: { here: {} }, ...fleet }, null, 2));
  return file;
}
