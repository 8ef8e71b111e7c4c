import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { until } from './waiting.ts';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server in the background; `end` waits for its end. */
export function startServer(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: 'ignore' });
  running.add(child);
  const ended = once(child, 'exit').then(() => void running.delete(child));
  return {
    end(signal: NodeJS.Signals): Promise<void> {
      child.kill(signal);
      return ended;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves once something listens. */
export const listens = (port: number): Promise<true> =>
  until(
    `something listens on ${port}`,
    () =>
      new Promise<true | undefined>((resolve) => {
        const socket = createConnection({ host: '127.0.0.1', port });
        socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
        socket.once('connect', () => socket.destroy());
      }),
  );

export interface BridgeCase {
  mosquitto: string;
  folder: string;
  messages: number;
  /** Lines of its configuration. */
  extra: string;
  /** Between the last acknowledgement and the kill, ms. */
  pauseMs: number;
  /** How it ends: SIGTERM is the control, of which nothing may be lost. */
  signal: 'SIGKILL' | 'SIGTERM';
}
export interface BridgeLoss {
  acknowledged: number;
  arrived: number;
}

/**
 * A mosquitto with persistence and a bridge whose far side is away: messages are published at QoS 1 until so many are
 * acknowledged, it is killed and started again, the far side comes, and what arrives there is counted.
 */
export async function bridgeLoss({
  mosquitto,
  folder,
  messages,
  extra,
  pauseMs,
  signal,
}: BridgeCase): Promise<BridgeLoss> {
  await mkdir(join(folder, 'near'), { recursive: true });
  const [near, far] = [await freePort(), await freePort()];
  const settings = {
    // Else a broker that root starts gives up its rights and cannot write its own folder here.
    near: `user root
listener ${near} 127.0.0.1
allow_anonymous true
persistence true
persistence_location ${join(folder, 'near')}/
${extra}
connection far
address 127.0.0.1:${far}
topic data/# out 1
cleansession false
restart_timeout 1
`,
    far: `listener ${far} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`,
  };
  for (const [name, text] of Object.entries(settings)) await writeFile(join(folder, `${name}.conf`), text);
  const start = (name: string) => startServer(mosquitto, ['-c', join(folder, `${name}.conf`)]);
  const first = start('near');
  await listens(near);
  const publisher = await connectAsync(`mqtt://127.0.0.1:${near}`);
  let acknowledged = 0;
  const window = Array.from({ length: 50 }, async (_, from) => {
    for (let message = from; message < messages; message += 50) {
      await publisher.publishAsync('data/reading', `${message} `.padEnd(200, 'x'), { qos: 1 });
      acknowledged++;
    }
  });
  await Promise.all(window);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  await first.end(signal);
  publisher.end(true);

  const farSide = start('far');
  await listens(far);
  const arrived = new Set<number>();
  let lastAt = performance.now();
  const subscriber = await connectAsync(`mqtt://127.0.0.1:${far}`);
  subscriber.on('message', (_topic, payload) => {
    arrived.add(Number.parseInt(payload.toString(), 10));
    lastAt = performance.now();
  });
  await subscriber.subscribeAsync('data/#', { qos: 1 });
  const again = start('near');
  await listens(near);
  lastAt = performance.now();
  await until(
    'nothing more arrives',
    () => arrived.size === acknowledged || performance.now() - lastAt > 5_000 || undefined,
    120_000,
  );
  subscriber.end(true);
  await again.end('SIGTERM');
  await farSide.end('SIGTERM');
  return { acknowledged, arrived: arrived.size };
}
