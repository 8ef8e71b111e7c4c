import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { freePort, listens, startServer } from './mosquitto.ts';

export interface JetStream {
  /** Publishes with so many unanswered at a time, each answered when it is durable; messages a second. */
  publish(payload: Uint8Array, inFlight: number, ms: number): Promise<number>;
  stop(): Promise<void>;
}

/** A server with one stream in files that flushes before it answers, spoken to in its own text protocol. */
export async function startJetStream(server: string, folder: string): Promise<JetStream> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const config = join(folder, 'nats.conf');
  await writeFile(
    config,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${join(folder, 'store')}", sync_interval: always }\n`,
  );
  const running = startServer(server, ['-c', config]);
  const client = await openClient(port);
  const stream = { name: 'queue', subjects: ['queue'], storage: 'file', retention: 'workqueue' };
  await client.request('$JS.API.STREAM.CREATE.queue', Buffer.from(JSON.stringify(stream)));

  return {
    async publish(payload, inFlight, ms) {
      const start = performance.now();
      let count = 0;
      const one = async (): Promise<void> => {
        while (performance.now() - start < ms) {
          await client.request('queue', payload);
          count++;
        }
      };
      await Promise.all(Array.from({ length: inFlight }, one));
      return (count * 1_000) / (performance.now() - start);
    },
    async stop() {
      client.close();
      await running.end('SIGTERM');
    },
  };
}

export interface NatsClient {
  /** Resolves with the answer; rejects if that is an error. Answers come in the order of the requests. */
  request(subject: string, payload: Uint8Array): Promise<string>;
  close(): void;
}

/** Waits until the server listens. */
export async function openClient(port: number): Promise<NatsClient> {
  await listens(port);
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const answers = createAnswers(socket);
  socket.write('CONNECT {"verbose":false}\r\nSUB answer 1\r\n');
  return {
    async request(subject, payload) {
      const answer = answers.next();
      socket.write(Buffer.concat([Buffer.from(`PUB ${subject} answer ${payload.length}\r\n`), payload, CRLF]));
      const text = await answer;
      if (text.includes('"error"')) throw new Error(`nats-server, ${subject}: ${text}`);
      return text;
    },
    close: () => socket.destroy(),
  };
}

const CRLF = Buffer.from('\r\n');

/** Answers in the order in which they come: that of the requests. */
function createAnswers(socket: ReturnType<typeof createConnection>) {
  const waiting: ((text: string) => void)[] = [];
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.indexOf(CRLF);
      if (end < 0) return;
      const line = rest.toString('latin1', 0, end);
      if (line.startsWith('PING')) socket.write('PONG\r\n');
      if (!line.startsWith('MSG ')) {
        rest = rest.subarray(end + 2);
        continue;
      }
      const length = Number(line.split(' ').at(-1));
      if (rest.length < end + 2 + length + 2) return;
      waiting.shift()?.(rest.toString('utf8', end + 2, end + 2 + length));
      rest = rest.subarray(end + 2 + length + 2);
    }
  });
  return { next: (): Promise<string> => new Promise((resolve) => waiting.push(resolve)) };
}
