import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TlsMaterial } from '../../adapters/embedded/key-pair.ts';

const PLACES = [
  '/usr/sbin/mosquitto',
  '/usr/bin/mosquitto',
  '/usr/local/sbin/mosquitto',
  '/opt/homebrew/sbin/mosquitto',
];
/** undefined where it is not installed; test/brokers/install-mosquitto.sh does it. */
export const MOSQUITTO: string | undefined = PLACES.find(existsSync);

export interface Mosquitto {
  /** Mutual TLS: the name in the certificate is the user, and the client id. */
  port: number;
  /** Without a word, as a power cut ends it. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A mosquitto with the hub's certificate and the topics of core/flow.ts. */
export async function startMosquitto(directory: string, port: number, tls: TlsMaterial): Promise<Mosquitto> {
  const at = (name: string): string => join(directory, name);
  for (const [name, text] of [
    ['ca.pem', tls.ca],
    ['cert.pem', tls.cert],
    ['key.pem', tls.key],
  ] as const) {
    await writeFile(at(name), String(text), { mode: 0o600 });
  }
  const rights = [
    ...[
      'user ingest',
      'topic read headwater/+/critical',
      'topic read headwater/+/bulk',
      'topic write headwater/+/answer',
    ],
    ...['pattern write headwater/%u/critical', 'pattern write headwater/%u/bulk', 'pattern read headwater/%u/answer'],
  ];
  await writeFile(at('acl'), `${rights.join('\n')}\n`, { mode: 0o600 });
  const config = [
    `listener ${port} 127.0.0.1`,
    `cafile ${at('ca.pem')}`,
    `certfile ${at('cert.pem')}`,
    `keyfile ${at('key.pem')}`,
    'require_certificate true',
    'use_identity_as_username true',
    'allow_anonymous false',
    `acl_file ${at('acl')}`,
    'persistence false',
    // As root it would become another user, who may not read the key.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
  ];
  await writeFile(at('mosquitto.conf'), `${config.join('\n')}\n`);
  let child: ChildProcess | undefined;
  let said = '';

  async function start(): Promise<void> {
    said = '';
    child = spawn(MOSQUITTO!, ['-c', at('mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const endMs = performance.now() + 10_000;
    while (!(await canConnect(port))) {
      if (performance.now() > endMs) throw new Error(`mosquitto does not listen: ${said}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    const ended = once(running, 'close');
    running.kill(signal);
    await ended;
  }
  await start();
  return { port, start, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** As in "mosquitto version 2.0.11". */
export const mosquittoVersion = (): string =>
  spawnSync(MOSQUITTO!, ['-h'], { encoding: 'utf8' }).stdout.split('\n')[0] ?? 'unknown';
