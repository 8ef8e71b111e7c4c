import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { IOT_CORE_PACE, iotCoreSide } from '../../../adapters/mqtt/far-side.ts';
import { createMqttUplink } from '../../../adapters/mqtt/uplink.ts';
import { MAX_ENVELOPE_BYTES } from '../../../core/envelope.ts';
import type { Clock, Uplink } from '../../../core/ports.ts';
import { describeUplink } from '../../contracts/uplink.ts';
import { createHubRig, type HubRig, hastyRandom, until } from '../../helpers/hub-rig.ts';
import { type IotCoreBroker, type IotCoreBrokerConfig, startIotCoreBroker } from '../../helpers/iot-core-broker.ts';

const FLEET = 'oil-platform';
/** Pauses and deadlines pass at once; nothing of the pace is meant here. */
const hastyClock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(Math.min(ms, 20), run) };

describeUplink('mqtt to IoT Core', async (ingest, node) => {
  const rig = await createHubRig({ nodes: [node] });
  const broker = await startIotCoreBroker({ tls: rig.hubTls, fleet: FLEET, ingest });
  const uplink = createMqttUplink(
    { credentials: await rig.credentialsOf(node), clock: systemClock, random: hastyRandom, logger: rig.logger },
    { host: '127.0.0.1', port: broker.port, node },
    iotCoreSide(FLEET),
  );
  return {
    uplink,
    cut: broker.stop,
    restore: broker.start,
    dispose: async () => {
      await uplink.close();
      await broker.stop();
      await rig.dispose();
    },
  };
});

describe('MQTT uplink to IoT Core', () => {
  let rig: HubRig;
  let broker: IotCoreBroker;
  const uplinks: Uplink[] = [];
  const logger = createMemoryLogger();

  beforeEach(async () => {
    logger.lines.length = 0;
    rig = await createHubRig({ nodes: ['n-1'] });
  });
  afterEach(async () => {
    await Promise.all(uplinks.splice(0).map((uplink) => uplink.close()));
    await broker?.stop();
    await rig.dispose();
  });

  async function start(config: Partial<IotCoreBrokerConfig> = {}): Promise<void> {
    broker = await startIotCoreBroker({ tls: rig.hubTls, fleet: FLEET, ...config });
  }
  async function dial(to: { port?: number; host?: string; ca?: string; clock?: Clock; fleet?: string } = {}) {
    const credentials = { ...(await rig.credentialsOf('n-1')), ...(to.ca === undefined ? {} : { ca: to.ca }) };
    const uplink = createMqttUplink(
      { credentials, clock: to.clock ?? hastyClock, random: hastyRandom, logger },
      { host: to.host ?? 'localhost', port: to.port ?? broker.port, node: 'n-1' },
      iotCoreSide(to.fleet ?? FLEET),
    );
    uplinks.push(uplink);
    return uplink;
  }
  const up = (uplink: Uplink): Promise<void> => new Promise((resolve) => uplink.onLink((now) => now && resolve()));
  const warnings = () => logger.lines.filter(({ level }) => level === 'warn');
  const troubles = () => warnings().map(({ fields }) => (fields as { trouble?: string }).trouble);
  const told = async (trouble: string): Promise<string> => {
    await until(`told ${trouble}`, () => troubles().includes(trouble));
    return warnings()[troubles().indexOf(trouble)]!.message;
  };

  test('says who it is as IoT Core wants it: thing name, 3.1.1, server name, keepalive of 30 s or more', async () => {
    await start();
    const uplink = await dial();
    await up(uplink);
    await uplink.send('critical', Buffer.from('a'));
    await uplink.send('bulk', Buffer.from('b'));
    expect(broker.connects).toEqual([
      { clientId: 'n-1', protocolVersion: 4, keepaliveS: 30, clean: true, servername: 'localhost', alpn: false },
    ]);
    expect(broker.topics).toEqual([
      '$aws/rules/headwater_oil_platform_critical/headwater/n-1/critical',
      '$aws/rules/headwater_oil_platform_bulk/headwater/n-1/bulk',
    ]);
    // Quotas of a topic: 256 bytes, 7 slashes beyond the Basic Ingest prefix of three.
    const longest = iotCoreSide('f'.repeat(63)).publishTopic('critical', 'n'.repeat(63));
    expect(longest.length).toBeLessThanOrEqual(256);
    expect(longest.split('/').length - 1).toBeLessThanOrEqual(7);
  });

  test('at port 443 it names the protocol in the handshake, elsewhere it must not', () => {
    const side = iotCoreSide(FLEET);
    expect([side.applicationProtocols(443), side.applicationProtocols(8883)]).toEqual([['x-amzn-mqtt-ca'], undefined]);
  });

  test('more messages than the pace allows wait; none is lost', async () => {
    await start();
    const uplink = await dial({ clock: systemClock });
    await up(uplink);
    const begun = performance.now();
    const count = IOT_CORE_PACE.publishesPerSecond + 5;
    await Promise.all(Array.from({ length: count }, (_, index) => uplink.send('bulk', Buffer.from(`${index}`))));
    expect(broker.topics).toHaveLength(count);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(990); // the law of the pace itself: pace.test.ts
  });

  test('the largest envelope fits, one byte more is refused here and costs no connection', async () => {
    await start();
    const uplink = await dial();
    await up(uplink);
    await uplink.send('bulk', new Uint8Array(MAX_ENVELOPE_BYTES));
    await expect(uplink.send('bulk', new Uint8Array(128 * 1024 + 1))).rejects.toThrow('IoT Core takes 131072');
    await uplink.send('bulk', Buffer.from('still there'));
    expect(broker.connects).toHaveLength(1);
  });

  test('a message that is never acknowledged is given up with its connection, and the next one works', async () => {
    await start({ silent: true });
    const uplink = await dial();
    await up(uplink);
    await expect(uplink.send('bulk', Buffer.from('x'))).rejects.toThrow('lost before the message was taken');
    expect(await told('lost')).toContain('no PUBACK within 60 s');
    await until('connected again', () => broker.connects.length > 1);
  });

  describe('what an operator is told', () => {
    test('a certificate that is not active, or a name that the policy does not let in', async () => {
      await start({ certificatesInactive: true });
      await dial();
      expect(await told('not-let-in')).toMatch(/inactive.*provision list.*headwater_oil-platform_node/);
      await broker.stop();
      logger.lines.length = 0;
      await start({ allows: { connect: false } });
      await dial();
      expect(await told('not-let-in')).toContain('provision device n-1');
    });

    test('a policy without the subscription, and one without the publish', async () => {
      await start({ allows: { subscribe: false } });
      await dial();
      expect(await told('subscription-refused')).toContain('headwater deploy');
      await broker.stop();
      logger.lines.length = 0;
      await start({ allows: { publish: false } });
      const uplink = await dial();
      await up(uplink);
      await expect(uplink.send('bulk', Buffer.from('x'))).rejects.toThrow('lost before the message was taken');
      expect(await told('lost')).toContain('policy headwater_oil-platform_node');
    });

    test('an endpoint that ca.crt does not vouch for, or made out to another name', async () => {
      const other = await createHubRig({ nodes: [] });
      await start();
      await dial({ ca: other.hubTls.ca });
      expect(await told('foreign-endpoint')).toContain('-ats.iot.');
      const end = { error: Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), ...NEVER_UP };
      expect(iotCoreSide(FLEET).explain(end, { host: 'h', port: 8883, node: 'n-1' })).toMatchObject({
        trouble: 'wrong-host-name',
        advice: expect.stringContaining('describe-endpoint'),
      });
      await other.dispose();
    });

    test("a clock that is years off: the server's certificate is not valid yet", () => {
      const end = { error: Object.assign(new Error('x'), { code: 'CERT_NOT_YET_VALID' }), ...NEVER_UP };
      const explained = iotCoreSide(FLEET).explain(end, { host: 'h', port: 8883, node: 'n-1' });
      expect(explained).toMatchObject({ trouble: 'clock', advice: expect.stringContaining('set the clock') });
    });

    test('nobody there, no such host, no TLS', async () => {
      await start();
      await broker.stop();
      await dial();
      expect(await told('unreachable')).toContain('--endpoint-address');
      logger.lines.length = 0;
      const server = createTcpServer((socket) => void socket.on('error', () => {}).end('220 mail ESMTP\r\n'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      await dial({ port: (server.address() as AddressInfo).port });
      expect(await told('no-tls')).toContain('correct the endpoint');
      server.close();
      const end = { error: Object.assign(new Error('x'), { code: 'ENOTFOUND' }), ...NEVER_UP };
      expect(iotCoreSide(FLEET).explain(end, { host: 'typo.example', port: 8883, node: 'n-1' })).toEqual({
        trouble: 'unreachable',
        advice: expect.stringContaining('no such host as typo.example'),
      });
    });
  });
});

const NEVER_UP = { secured: false, accepted: false, listening: false };
