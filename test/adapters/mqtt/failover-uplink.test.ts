import { beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMemoryUplink } from '../../../adapters/memory/uplink.ts';
import { createFailoverUplink } from '../../../adapters/mqtt/failover-uplink.ts';
import { createMqttUplink } from '../../../adapters/mqtt/uplink.ts';
import type { Logger, Uplink } from '../../../core/ports.ts';
import { describeUplink } from '../../contracts/uplink.ts';
import { turns } from '../../helpers/edge-node.ts';
import { createHubRig, hastyRandom } from '../../helpers/hub-rig.ts';

const TIMING = { unreachableMs: 60_000, silentMs: 180_000, probeEveryMs: 60_000, steadyMs: 30_000 };

describeUplink('several, the first of which serves', async (ingest, node) => {
  const rig = await createHubRig({ nodes: [node], ingest });
  const credentials = await rig.credentialsOf(node);
  const uplink = createFailoverUplink(
    {
      clock: systemClock,
      random: hastyRandom,
      logger: rig.logger,
      dial: (_index, logger) =>
        createMqttUplink(
          { credentials, clock: systemClock, random: hastyRandom, logger },
          { host: '127.0.0.1', port: rig.port, node },
        ),
    },
    ['hub', 'other'],
    TIMING,
  );
  return {
    uplink,
    cut: rig.stop,
    restore: () => rig.start(),
    dispose: async () => {
      await uplink.close();
      await rig.dispose();
    },
  };
});

/** Far sides in memory: each is reachable or not, and its ingest answers or is silent. */
describe('several uplinks', () => {
  const NAMES = ['hub', 'iot-core', 'spare'];
  let clock: ReturnType<typeof createManualClock>;
  let logger: ReturnType<typeof createMemoryLogger>;
  let sides: {
    up: boolean;
    answers: boolean;
    says?: string;
    got: string[];
    open: Set<Uplink & { setLink: (up: boolean) => void }>;
  }[];
  let uplink: Uplink;
  let heard: string[];

  beforeEach(() => {
    clock = createManualClock();
    logger = createMemoryLogger();
    heard = [];
    sides = NAMES.map(() => ({ up: true, answers: true, got: [], open: new Set() }));
    const dial = (index: number, own: Logger): Uplink => {
      const side = sides[index]!;
      const inner = createMemoryUplink(async (messages) => {
        side.got.push(...messages.map(({ payload }) => Buffer.from(payload).toString()));
        const payload = Buffer.from(side.says ?? `from ${NAMES[index]}`);
        return { answers: side.answers ? messages.map(({ client }) => ({ client, payload })) : [], failed: [] };
      }, 'n-1');
      inner.setLink(side.up);
      own.info({ uplink: NAMES[index] }, 'dialled');
      side.open.add(inner);
      return {
        ...inner,
        close: () => {
          side.open.delete(inner);
          return inner.close();
        },
      };
    };
    uplink = createFailoverUplink({ clock, random: hastyRandom, logger, dial }, NAMES, TIMING);
    uplink.onLink((up) => heard.push(up ? 'up' : 'down'));
    uplink.onAnswer((payload) => heard.push(Buffer.from(payload).toString()));
  });

  function setUp(index: number, up: boolean): void {
    sides[index]!.up = up;
    for (const one of sides[index]!.open) one.setLink(up);
  }
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5_000) {
      clock.advance(5_000);
      await turns(3);
    }
  }
  const say = async (text: string): Promise<void> => {
    await uplink.send('bulk', Buffer.from(text));
    await turns(3);
  };
  const openNow = (): number[] => sides.map(({ open }) => open.size);

  test('the first is used while it serves, and no other is dialled', async () => {
    await say('a');
    await pass(3_600_000);
    expect([heard, uplink.using(), openNow()]).toEqual([['up', 'from hub'], 'hub', [1, 0, 0]]);
  });

  test('one that only asks for something does not answer: the next one is used', async () => {
    sides[0]!.says = '{"type":"pull"}';
    await say('a');
    expect(heard).toEqual(['up', '{"type":"pull"}']);
    await pass(300_000);
    expect(uplink.using()).toBe('iot-core');
  });

  test('not wanted: nothing is dialled and nothing changes; the one in use stays in use', async () => {
    setUp(0, false);
    await pass(60_000);
    uplink.wanted(false);
    setUp(1, false);
    heard.length = 0;
    await pass(24 * 3_600_000);
    setUp(1, true);
    await pass(600_000);
    expect([heard, uplink.using(), openNow()]).toEqual([[], 'iot-core', [0, 1, 0]]);
    uplink.wanted(true);
    await say('a');
    expect([heard, sides[1]!.got]).toEqual([['up', 'from iot-core'], ['a']]);
  });

  test('the first is gone: the next is used, and later the first again; each change is a lost and a new link', async () => {
    setUp(0, false);
    await pass(60_000);
    await say('a');
    expect([heard, uplink.using(), sides[1]!.got]).toEqual([['up', 'down', 'up', 'from iot-core'], 'iot-core', ['a']]);
    await pass(600_000);
    expect([uplink.using(), openNow()]).toEqual(['iot-core', [expect.any(Number), 1, 0]]);
    setUp(0, true);
    heard.length = 0;
    await pass(700_000);
    expect([heard, uplink.using(), openNow()]).toEqual([['down', 'up'], 'hub', [1, 0, 0]]);
    await say('b');
    expect(sides[0]!.got.at(-1)).toBe('b');
    const changes = logger.lines.filter(({ message }) => message.includes('another one is used'));
    expect(changes.map(({ fields }) => fields)).toEqual([
      { from: 'hub', to: 'iot-core', reason: 'unreachable' },
      { from: 'iot-core', to: 'hub', reason: 'preferred-answers' },
    ]);
  });

  test('connected, and its ingest silent: the next is used; the first stays away until ingest itself answers', async () => {
    sides[0]!.answers = false;
    await say('a');
    await pass(180_000);
    expect(uplink.using()).toBe('iot-core');
    await say('a again');
    await pass(3_600_000);
    expect(uplink.using()).toBe('iot-core'); // its broker takes connections and messages all the time
    const looks = sides[0]!.got.filter((text) => text.includes('"status"')).length;
    expect(looks).toBeGreaterThan(3);
    expect(looks).toBeLessThan(20);
    sides[0]!.answers = true;
    await pass(700_000);
    expect(uplink.using()).toBe('hub');
    expect(heard.filter((one) => one === 'from hub')).toEqual([]); // answers to looks are not the forwarder's
  });

  test('the second is gone as well: the third', async () => {
    setUp(0, false);
    setUp(1, false);
    await pass(120_000);
    expect(uplink.using()).toBe('spare');
    await say('a');
    expect(sides[2]!.got).toEqual(['a']);
  });

  test('while none of them serves they take turns for hours, and that is told once', async () => {
    for (const side of [0, 1, 2]) setUp(side, false);
    await pass(4 * 3_600_000);
    const changes = () => logger.lines.filter(({ message }) => message.includes('another one is'));
    expect(changes().length).toBeGreaterThan(5);
    expect(changes().filter(({ level }) => level === 'warn')).toHaveLength(1);
    setUp(uplink.using() === 'hub' ? 0 : uplink.using() === 'iot-core' ? 1 : 2, true);
    await pass(60_000);
    await say('a');
    for (const side of [0, 1, 2]) setUp(side, false);
    logger.lines.length = 0;
    await pass(4 * 3_600_000);
    expect(changes().filter(({ level }) => level === 'warn')).toHaveLength(1); // another story
  });

  test('looks are quiet in the log, and what is closed leaves nothing open and is not heard', async () => {
    setUp(0, false);
    await pass(1_200_000);
    const said = logger.lines.filter(({ message, level }) => message === 'dialled' && level !== 'debug');
    expect(said).toHaveLength(2); // the first at the start, the second when it was used
    heard.length = 0;
    await uplink.close();
    expect(openNow()).toEqual([0, 0, 0]);
    setUp(1, false);
    await pass(600_000);
    expect(heard).toEqual([]);
    expect(openNow()).toEqual([0, 0, 0]);
  });
});
