import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startServer } from './mosquitto.ts';
import { type NatsClient, openClient } from './nats.ts';
import { until } from './waiting.ts';

const IN_FLIGHT = 1_000;

/**
 * The nearest that NATS has to a node behind a link: a leaf node with a stream in files, filled while its hub is away, and
 * a hub whose stream has that one as its source.
 *
 * @param messages what is piled up, a message each
 * @param durable both flush each message before they acknowledge it; else every two minutes, as they do by default
 * @returns messages a second, from when the hub has stored the first to when it has stored the last: it takes a second to begin
 */
export async function drainNats(
  server: string,
  folder: string,
  messages: readonly Uint8Array[],
  durable: boolean,
): Promise<number> {
  await mkdir(folder, { recursive: true });
  const [edgePort, hubPort, leafPort] = [await freePort(), await freePort(), await freePort()];
  const start = async (name: string, port: number, sync: string, more: string) => {
    const file = join(folder, `${name}.conf`);
    const store = `jetstream { store_dir: "${join(folder, name)}", domain: ${name}${sync} }`;
    await writeFile(file, `server_name: ${name}\nlisten: "127.0.0.1:${port}"\n${store}\n${more}\n`);
    return startServer(server, ['-c', file]);
  };
  const toHub = `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${leafPort}" }], reconnect: 1 }`;
  const filling = await start('edge', edgePort, '', toHub);
  await withClient(edgePort, async (edge) => {
    await create(edge, { name: 'queue', subjects: ['queue'], storage: 'file' });
    let next = 0;
    const publish = async (): Promise<void> => {
      for (let message = messages[next++]; message; message = messages[next++]) await edge.request('queue', message);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, publish));
  });
  await filling.end('SIGTERM');

  const always = durable ? ', sync_interval: always' : '';
  const hub = await start('hub', hubPort, always, `leafnodes { listen: "127.0.0.1:${leafPort}" }`);
  const edge = await start('edge', edgePort, always, toHub);
  try {
    await until('the leaf is known to the hub', () => withClient(hubPort, answersForLeaf));
    return await withClient(hubPort, async (client) => {
      const source = { name: 'queue', external: { api: '$JS.edge.API' } };
      await create(client, { name: 'all', storage: 'file', sources: [source] });
      await until('the first is stored at the hub', () => stored(client, 1), 60_000);
      const begun = performance.now();
      await until('all is stored at the hub', () => stored(client, messages.length), 300_000);
      return (messages.length * 1_000) / (performance.now() - begun);
    });
  } finally {
    await edge.end('SIGTERM');
    await hub.end('SIGTERM');
  }
}

/** Nobody answers as long as the leaf is not there. */
const answersForLeaf = (client: NatsClient): Promise<true | undefined> =>
  Promise.race([
    client.request('$JS.edge.API.STREAM.INFO.queue', NOTHING).then(() => true as const),
    new Promise<undefined>((resolve) => setTimeout(resolve, 200, undefined)),
  ]);

const NOTHING = new Uint8Array(0);

const create = (client: NatsClient, stream: { name: string } & Record<string, unknown>): Promise<string> =>
  client.request(`$JS.API.STREAM.CREATE.${stream.name}`, Buffer.from(JSON.stringify(stream)));

async function stored(client: NatsClient, messages: number): Promise<true | undefined> {
  const { state } = JSON.parse(await client.request('$JS.API.STREAM.INFO.all', NOTHING)) as {
    state: { messages: number };
  };
  return state.messages >= messages || undefined;
}

async function withClient<T>(port: number, run: (client: NatsClient) => Promise<T>): Promise<T> {
  const client = await openClient(port);
  try {
    return await run(client);
  } finally {
    client.close();
  }
}
