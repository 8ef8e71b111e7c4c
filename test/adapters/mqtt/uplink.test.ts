import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { issueCertificate, openAuthority } from '../../../adapters/embedded/certificate-authority.ts';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMqttUplink, MAX_RETRY_MS, retryPauseMs } from '../../../adapters/mqtt/uplink.ts';
import type { Uplink } from '../../../core/ports.ts';
import type { Ingest } from '../../../lambdas/ingest/env.ts';
import { describeUplink } from '../../contracts/uplink.ts';
import { createHubRig, type HubRig, hastyRandom, until } from '../../helpers/hub-rig.ts';

describeUplink('mqtt', async (ingest, node) => {
  const rig = await createHubRig({ nodes: [node], ingest });
  return {
    uplink: await rig.uplink(node),
    cut: rig.stop,
    restore: () => rig.start(),
    dispose: rig.dispose,
  };
});

describe('MQTT uplink and the hub', () => {
  let rig: HubRig;
  let release: () => void;
  let released: Promise<void>;
  beforeEach(() => {
    released = new Promise((resolve) => {
      release = resolve;
    });
  });
  afterEach(() => {
    release();
    return rig.dispose();
  });
  const waitingIngest: Ingest = async () => {
    await released;
    return { answers: [], failed: [] };
  };

  test('1,000 messages all reach ingest, in batches', async () => {
    const seen = new Set<string>();
    let batches = 0;
    const ingest: Ingest = async (messages) => {
      batches += 1;
      for (const { payload } of messages) seen.add(Buffer.from(payload).toString());
      return { answers: [], failed: [] };
    };
    rig = await createHubRig({ nodes: ['n-1'], ingest });
    const uplink = await connected(rig, 'n-1');
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => uplink.send('bulk', Buffer.from(`m${index}`))));
    expect(seen.size).toBe(1_000);
    expect(batches).toBeLessThan(500);
    expect(rig.broker().status().clients['n-1']).toMatchObject({ connected: true, messages: 1_000, notNow: 0 });
  });

  test('send resolves only after ingest has', async () => {
    const order: string[] = [];
    let entered = () => {};
    const inIngest = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const ingest: Ingest = async () => {
      entered();
      await released;
      order.push('ingested');
      return { answers: [], failed: [] };
    };
    rig = await createHubRig({ nodes: ['n-1'], ingest });
    const uplink = await connected(rig, 'n-1');
    const sent = uplink.send('critical', Buffer.from('x')).then(() => order.push('sent'));
    await inIngest;
    // The hub's answer to this other message comes later on the same connection than a hasty PUBACK would.
    rig.broker().publishAnswer('n-1', Buffer.from('meanwhile'));
    await new Promise<void>((resolve) => uplink.onAnswer(() => resolve()));
    expect(order).toEqual([]);
    release();
    await sent;
    expect(order).toEqual(['ingested', 'sent']);
  });

  test('an answer sent the moment the link is up arrives: the subscription stands by then', async () => {
    rig = await createHubRig({ nodes: ['n-1'] });
    const uplink = await rig.uplink('n-1');
    const answer = new Promise<string>((resolve) => {
      uplink.onAnswer((payload) => resolve(Buffer.from(payload).toString()));
    });
    uplink.onLink(() => rig.broker().publishAnswer('n-1', Buffer.from('at once')));
    expect(await answer).toBe('at once');
    expect(rig.broker().status().clients['n-1']).toMatchObject({ answersLost: 0 });
  });

  test('what was under way when the link broke is rejected', async () => {
    rig = await createHubRig({ nodes: ['n-1'], ingest: waitingIngest });
    const uplink = await connected(rig, 'n-1');
    const sent = uplink.send('bulk', Buffer.from('x'));
    await until('message at the hub', () => rig.broker().status().clients['n-1']?.messages === 1);
    const again = await connected(rig, 'n-1'); // takes the name over
    await expect(sent).rejects.toThrow('lost before the message was taken');
    await again.close();
  });

  test('closing is quick even when the hub acknowledges nothing', async () => {
    rig = await createHubRig({ nodes: ['n-1'], ingest: waitingIngest });
    const uplink = await connected(rig, 'n-1');
    const sent = uplink.send('bulk', Buffer.from('x'));
    await until('message at the hub', () => rig.broker().status().clients['n-1']?.messages === 1);
    await Promise.all([uplink.close(), expect(sent).rejects.toThrow()]);
    await until('hub saw it go', () => rig.broker().status().clients['n-1']?.connected === false);
  });

  test('more than 16 MiB unacknowledged is rejected, and counts again as room afterwards', async () => {
    rig = await createHubRig({ nodes: ['n-1'], ingest: waitingIngest });
    const uplink = await connected(rig, 'n-1');
    const big = new Uint8Array(128 * 1024);
    const sent = Array.from({ length: 128 }, () => uplink.send('bulk', big));
    await expect(uplink.send('bulk', big)).rejects.toThrow(/unacknowledged/);
    release();
    await Promise.all(sent);
    await uplink.send('bulk', big);
  });

  async function connected(hub: HubRig, node: string): Promise<Uplink> {
    const uplink = await hub.uplink(node);
    await new Promise<void>((resolve) => uplink.onLink((up) => up && resolve()));
    return uplink;
  }
});

describe('what an operator is told when there is no link', () => {
  let rig: HubRig;
  let other: HubRig;
  const logger = createMemoryLogger();
  const uplinks: Uplink[] = [];

  beforeEach(async () => {
    logger.lines.length = 0;
    rig = await createHubRig({ nodes: ['n-1'], strangers: ['stranger'] });
    other = await createHubRig({ nodes: ['n-1'] });
  });
  afterEach(async () => {
    await Promise.all(uplinks.splice(0).map((uplink) => uplink.close()));
    await rig.dispose();
    await other.dispose();
  });

  const troubles = () =>
    logger.lines.filter(({ level }) => level === 'warn').map(({ fields }) => (fields as { trouble?: string }).trouble);
  async function dial(from: { rig: HubRig; node: string; as?: string }, to: { host?: string; port: number }) {
    const credentials = await from.rig.credentialsOf(from.node);
    const address = { host: to.host ?? '127.0.0.1', port: to.port, node: from.as ?? from.node };
    const ports = { credentials, clock: systemClock, random: hastyRandom, logger };
    const uplink = createMqttUplink(ports, address);
    uplink.onLink((up) => {
      if (up) throw new Error('this link must never come up');
    });
    uplinks.push(uplink);
    await until('trouble reported', () => troubles().length > 0);
  }

  test('a hub of another authority is not trusted', async () => {
    await dial({ rig, node: 'n-1' }, { port: other.port });
    expect(troubles()).toEqual(['foreign-hub']);
  });

  test('the hub does not accept a certificate of another authority', async () => {
    const mixed = { ...rig, credentialsOf: async () => ({ ...(await rig.credentialsOf('n-1')), ca: other.hubTls.ca }) };
    await dial({ rig: mixed, node: 'n-1' }, { port: other.port });
    expect(troubles()).toEqual(['certificate-refused']);
  });

  test("a name that is not the certificate's, and a node that is not in the fleet", async () => {
    await dial({ rig, node: 'n-1', as: 'n-2' }, { port: rig.port });
    expect(troubles()).toEqual(['client-refused']);
    logger.lines.length = 0;
    await dial({ rig, node: 'stranger' }, { port: rig.port });
    expect(troubles()).toEqual(['client-refused']);
  });

  test('nobody listens; said once, however often it is tried', async () => {
    await rig.stop();
    let dials = 0;
    const clock = {
      ...systemClock,
      after: (_ms: number, run: () => void) =>
        systemClock.after(1, () => {
          dials += 1;
          run();
        }),
    };
    const uplink = createMqttUplink(
      { credentials: await rig.credentialsOf('n-1'), clock, random: hastyRandom, logger },
      { host: '127.0.0.1', port: rig.port, node: 'n-1' },
    );
    uplinks.push(uplink);
    await until('several attempts', () => dials > 5);
    expect(troubles()).toEqual(['unreachable']);
  });

  test('a hub that is certified for another name, or was certified long ago', async () => {
    const [key, cert] = await Promise.all(
      ['ca.key', 'ca.crt'].map((file) => readFile(join(rig.directory, file), 'utf8')),
    );
    const authority = await openAuthority({ key: key!, cert: cert! });
    const longAgoMs = Date.now() - 3 * 365 * 86_400_000;
    for (const [names, madeMs, trouble] of [
      [['elsewhere.example'], Date.now(), 'wrong-host-name'],
      [['127.0.0.1'], longAgoMs, 'hub-certificate-dates'],
    ] as const) {
      logger.lines.length = 0;
      const pem = await issueCertificate(authority, { role: 'hub', names }, madeMs);
      const server = createTlsServer({ ...pem }, (socket) => socket.on('error', () => {}));
      server.on('tlsClientError', () => {});
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      await dial({ rig, node: 'n-1' }, { port: (server.address() as AddressInfo).port });
      server.close();
      expect(troubles()).toEqual([trouble]);
    }
  });

  test('a port without TLS', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.end('220 mail.example ESMTP\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await dial({ rig, node: 'n-1' }, { port: (server.address() as AddressInfo).port });
    server.close();
    expect(troubles()).toEqual(['no-tls']);
  });
});

test('pauses grow to at most 30 s, and half of each is random', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (retries, fraction) => {
      const pauseMs = retryPauseMs(retries, { u64: () => 0n, fraction: () => fraction });
      expect(pauseMs).toBeLessThanOrEqual(MAX_RETRY_MS);
      expect(pauseMs).toBeGreaterThanOrEqual(250);
      if (retries >= 6) expect(pauseMs).toBeGreaterThanOrEqual(MAX_RETRY_MS / 2);
    }),
  );
});
