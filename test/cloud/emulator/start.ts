import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '../../helpers/processes.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';

export interface Emulator {
  /** Of every AWS API. */
  endpoint: string;
  /** Of MQTT over TLS with client certificates, on 127.0.0.1. */
  mqttPort: number;
  log: string;
  /** Where functions' calls are written and faults are read. */
  calls: string;
}
export interface RunningEmulator extends Emulator {
  /** Ends it and everything that it started. */
  stop(): Promise<void>;
}

const LAUNCHER = resolve(import.meta.dirname, 'headwater_emulator.py');
const RECORDER = resolve(import.meta.dirname, 'call-recorder.mjs');
const ATTEMPTS = 3;

/** @param directory of this run, removed with all it holds when this process ends, however it ends */
export async function startEmulator(python: string, directory: string): Promise<RunningEmulator> {
  const bin = join(directory, 'bin');
  const calls = join(directory, 'calls');
  const temporary = join(directory, 'tmp');
  for (const made of [bin, calls, temporary]) await mkdir(made, { recursive: true });
  await writeNode(join(bin, 'node'), calls);
  for (let attempt = 1; ; attempt++) {
    // Between choosing and taking it a port may go to somebody else.
    const [port, mqttPort] = await freePorts();
    const log = join(directory, `emulator-${attempt}.log`);
    const child = launch(python, directory, log, {
      // Functions inherit all of this, so nothing of the user's environment may be in it.
      PATH: [bin, dirname(python), '/usr/bin', '/bin'].join(delimiter),
      // Outside the repository: a bundle that forgot a package must not find it in our node_modules.
      TMPDIR: temporary,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      IOT_MTLS_PORT: String(mqttPort),
      MINISTACK_ACCOUNT_ID: ACCOUNT,
      MINISTACK_REGION: REGION,
      SFTP_ENABLED: '0',
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    });
    const endpoint = `http://127.0.0.1:${port}`;
    const state = await eventually(
      `the emulator's health page at ${endpoint}`,
      async () =>
        child.exitCode !== null || child.signalCode !== null ? 'ended' : (await isHealthy(endpoint)) && 'up',
      60_000,
    );
    if (state === 'up') return { endpoint, mqttPort, log, calls, stop: () => stop(child) };
    const said = await readFile(log, 'utf8');
    if (attempt === ATTEMPTS || !/in use/i.test(said)) throw new Error(`the emulator did not start:\n${said}`);
  }
}

/** Lambda workers are started as `node` from PATH: this one loads the recorder first. */
async function writeNode(file: string, calls: string): Promise<void> {
  const command = [process.execPath, '--import', pathToFileURL(RECORDER).href].map(quote).join(' ');
  await writeFile(file, `#!/bin/sh\nHEADWATER_CALLS=${quote(calls)} exec ${command} "$@"\n`);
  await chmod(file, 0o755);
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function launch(python: string, directory: string, log: string, env: NodeJS.ProcessEnv): ChildProcess {
  const output = openSync(log, 'a');
  // Its own process group, so that Lambda workers end with it; its standard input tells it that we are still here.
  const child = spawn(python, [LAUNCHER, directory], { env, detached: true, stdio: ['pipe', output, output] });
  closeSync(output);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end(); // see headwater_emulator.py
  await ended;
}

async function isHealthy(endpoint: string): Promise<boolean> {
  const response = await fetch(`${endpoint}/_ministack/health`).catch(() => undefined);
  return response?.ok ?? false;
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) await once(server.close(), 'close');
  return ports as [number, number];
}
