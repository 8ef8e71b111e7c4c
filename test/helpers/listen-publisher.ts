import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import mqtt, { type IPublishPacket, type IStore } from 'mqtt';

/**
 * A device as a process of its own that may be killed at any moment: it notes each message before it sends it and each
 * acknowledgement when it comes, and after a restart sends again what has none, under the same packet ids. It ends by
 * itself when all its messages are acknowledged.
 */
export interface PublisherJob {
  port: number;
  device: string;
  credentials: string;
  /** Where it notes things. */
  notes: string;
  messages: number;
  window: number;
  /** Whether it says so when it sends again: MQTT demands it, mqtt.js by itself does not. */
  dup: boolean;
}

/** What the nth message is: most are counted at the far end, some are filtered, a few are rubbish. */
export function nthMessage(
  device: string,
  n: number,
): { kind: 'count' | 'level' | 'bad'; topic: string; payload: string } {
  if (n % 97 === 50) return { kind: 'bad', topic: `${device}/count`, payload: `rubbish ${n}` };
  if (n % 10 === 3) return { kind: 'level', topic: `${device}/level`, payload: '5' };
  return { kind: 'count', topic: `${device}/count`, payload: String(n) };
}

type Packet = IPublishPacket & { messageId: number };
const MAX_ID = 65_535;

function run(job: PublisherJob): void {
  /** Sent and not acknowledged, in order: packet id → number of the message. */
  const waiting = new Map<number, number>();
  /** Handed to mqtt.js, which has not given it a packet id yet: it sends others again, and drops it if they fail. */
  let planned: number | undefined;
  let next = 0;
  let lastId = 0;
  for (const line of existsSync(job.notes) ? readFileSync(job.notes, 'utf8').split('\n') : []) {
    const [what, id, n] = line.split(' ');
    if (n === undefined || n === '') continue; // cut off
    if (what === 'sent') {
      waiting.set(Number(id), Number(n));
      next = Number(n) + 1;
      lastId = Number(id);
    } else waiting.delete(Number(id));
  }
  const note = (what: string, id: number, n: number): void => appendFileSync(job.notes, `${what} ${id} ${n} \n`);
  const packetOf = (messageId: number, n: number): Packet => {
    const { topic, payload } = nthMessage(job.device, n);
    return { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: job.dup, messageId };
  };
  const store: IStore = {
    put(packet, done) {
      const n = planned!;
      planned = undefined;
      note('sent', packet.messageId!, n);
      waiting.set(packet.messageId!, n);
      done();
      setImmediate(pump);
      return store;
    },
    createStream() {
      const packets = [...waiting].map(([id, n]) => packetOf(id, n));
      // mqtt.js names the type of a package that copies Node's own.
      return Readable.from(packets, { objectMode: true }) as unknown as ReturnType<IStore['createStream']>;
    },
    del({ messageId }, done) {
      const n = waiting.get(messageId!);
      if (n !== undefined) note('acked', messageId!, n);
      waiting.delete(messageId!);
      done(undefined, undefined);
      setImmediate(pump);
      return store;
    },
    get(_packet, done) {
      done();
      return store;
    },
    close: (done) => done(),
  };
  const file = (name: string): Buffer => readFileSync(join(job.credentials, name));
  const client = mqtt.connect({
    protocol: 'mqtts',
    host: 'localhost',
    port: job.port,
    clientId: job.device,
    clean: false,
    ca: file('ca.crt'),
    cert: file('node.crt'),
    key: file('node.key'),
    reconnectPeriod: 50,
    connectTimeout: 5_000,
    outgoingStore: store,
    messageIdProvider: {
      allocate() {
        do lastId = (lastId % MAX_ID) + 1;
        while (waiting.has(lastId));
        return lastId;
      },
      getLastAllocated: () => lastId,
      register: () => true,
      deallocate: () => {},
      clear: () => {},
    },
  });
  client.on('error', () => {});
  client.on('connect', () => setImmediate(pump));

  function pump(): void {
    if (next >= job.messages && waiting.size === 0) {
      client.end(true);
      return;
    }
    while (client.connected && next < job.messages && waiting.size < job.window && planned === undefined) {
      const { topic, payload } = nthMessage(job.device, next);
      const n = next++;
      planned = n;
      client.publish(topic, payload, { qos: 1 }, (error) => {
        if (!error || planned !== n) return;
        next = n;
        planned = undefined;
      });
    }
  }
}

const given = process.argv[2];
if (given?.startsWith('{')) run(JSON.parse(given) as PublisherJob);
