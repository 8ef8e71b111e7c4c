import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MemoryDisk } from '../../../../adapters/memory/disk.ts';
import { createIntake, type Intake } from '../../../../adapters/sources/listen/intake.ts';
import { clientRights } from '../../../../core/listen/client-rights.ts';
import { createRedeliveryWindow } from '../../../../core/listen/redelivery-window.ts';
import { createRouter } from '../../../../core/listen/router.ts';
import type { DiskFile } from '../../../../core/ports.ts';
import { nodePlan, startTestNode, turns } from '../../../helpers/edge-node.ts';
import { listenPlan } from '../../../helpers/listen-rig.ts';

const WINDOW = 3;
const plan = listenPlan(
  { level: {}, still: { filter: { type: 'change' } } },
  { maxInFlight: WINDOW },
  { name: 'pump', count: 2 },
);
const node = nodePlan(plan.streams, { sources: [plan] });
const CLIENTS = ['pump-001', 'pump-002'];

type Step =
  | { do: 'publish'; client: number; stream: 'level' | 'still' }
  | { do: 'reconnect'; client: number }
  | { do: 'turns'; count: number }
  | { do: 'wait'; ms: number }
  | { do: 'disk'; fails: boolean }
  | { do: 'kill' };

interface Device {
  name: string;
  connection: number;
  /** Whether it flags what it sends again. */
  flags: boolean;
  sent: number;
  lastId: number;
  unacknowledged: Map<number, { topic: string; payload: Buffer }>;
}

/** A node's real sense and journal under an intake, killed and started again on one disk that may refuse. */
async function play(steps: readonly Step[]): Promise<void> {
  let fails = false;
  let life = 0;
  const rig = await startTestNode(node, {
    canWait: true,
    wrapDisk: (disk) =>
      diskOfLife(
        disk,
        () => life,
        () => fails,
      ),
  });
  let connections = 0;
  const devices = CLIENTS.map((name, at): Device => {
    return { name, connection: 0, flags: at === 0, sent: 0, lastId: 0, unacknowledged: new Map() };
  });
  const open = (): Intake => {
    const { offer } = rig;
    return createIntake(rig.clock, {
      plans: [plan],
      route: createRouter([plan], clientRights([plan])),
      window: createRedeliveryWindow(WINDOW, Object.entries(rig.startedWith())),
      sinkOf: () => ({ offer }),
      onBroken: (_source, error) => {
        throw error;
      },
    });
  };
  let intake = open();

  const send = (device: Device, packetId: number, again: boolean): void => {
    const message = device.unacknowledged.get(packetId)!;
    const { name: client, connection } = device;
    const now = life;
    void intake
      .take({ client, connection, persistent: true, ...message, dup: again && device.flags, packetId, mayLinger: true })
      .then(() => {
        // A PUBACK reaches its device only over the connection that asked for it, and from a process that lives.
        if (now === life && connection === device.connection) device.unacknowledged.delete(packetId);
      });
  };
  const publish = (device: Device, stream: string): void => {
    if (device.unacknowledged.size === WINDOW) return;
    do device.lastId = (device.lastId % 9) + 1;
    while (device.unacknowledged.has(device.lastId));
    const payload = Buffer.from(stream === 'still' ? '0' : String(device.sent));
    device.sent++;
    device.unacknowledged.set(device.lastId, { topic: `${device.name}/${stream}`, payload });
    send(device, device.lastId, false);
  };
  const reconnect = (device: Device): void => {
    device.connection = ++connections;
    for (const packetId of device.unacknowledged.keys()) send(device, packetId, true);
  };
  const kill = async (): Promise<void> => {
    life++;
    intake.stop();
    await rig.crash();
    intake = open();
    for (const device of devices) reconnect(device);
  };

  for (const step of steps) {
    if (step.do === 'publish') publish(devices[step.client]!, step.stream);
    else if (step.do === 'reconnect') reconnect(devices[step.client]!);
    else if (step.do === 'turns') await turns(step.count);
    else if (step.do === 'disk') fails = step.fails;
    else if (step.do === 'wait') rig.clock.advance(step.ms);
    else if (!fails) await kill();
  }
  fails = false;
  await kill();
  for (let at = 0; at < 4; at++) {
    await turns(30);
    rig.clock.advance(6_000);
  }
  await turns(30);
  expect(devices.map(({ unacknowledged }) => unacknowledged.size)).toEqual([0, 0]);
  const { ledger } = await rig.node.status();
  const sent = devices.reduce((sum, device) => sum + device.sent, 0);
  expect(ledger.sources.pump ?? { collected: 0, refused: {} }).toEqual({ collected: sent, refused: {} });
}

/** What a dead process still wants of the disk never happens; what a living one wants is refused while it fails. */
function diskOfLife(disk: MemoryDisk, current: () => number, fails: () => boolean): MemoryDisk {
  const own = current();
  const guard = <T>(work: () => T): T | Promise<never> => {
    if (own !== current()) return new Promise<never>(() => undefined);
    if (fails()) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    return work();
  };
  const guarded = (file: DiskFile): DiskFile => ({
    write: (offset, bytes) => guard(() => file.write(offset, bytes)),
    // A flush takes its time: it may be killed in between, with everything written.
    sync: async () => {
      await turns(2);
      await guard(() => file.sync());
    },
    close: () => file.close(),
  });
  return {
    ...disk,
    create: async (name) => guarded(await guard(() => disk.create(name))),
    open: async (name) => guarded(await guard(() => disk.open(name))),
    prepare: async (name, bytes) => guard(() => disk.prepare(name, bytes)),
    rename: (from, to) => guard(() => disk.rename(from, to)),
    remove: (name) => guard(() => disk.remove(name)),
  };
}

const client = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('publish' as const), client, stream: fc.constantFrom('level', 'still') }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 200, 5_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('disk' as const), fails: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ do: 'kill' as const }) },
);

test('law: killed, cut off and refused at any moment, each message is collected exactly once', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), play), { numRuns: 60 });
});
