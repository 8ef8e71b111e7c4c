import { describe, expect, test } from '@jest/globals';
import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../../adapters/memory/record-store.ts';
import { createMemoryUplink, type MemoryUplink } from '../../adapters/memory/uplink.ts';
import { createFailoverUplink } from '../../adapters/mqtt/failover-uplink.ts';
import { laneKeyText } from '../../core/identity.ts';
import { checkNodeLedger } from '../../core/ledger.ts';
import type { Clock, Logger, Uplink } from '../../core/ports.ts';
import { countOf } from '../../core/ranges.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

/**
 * A node with two uplinks to two different stores. Whatever fails, and whenever: each record gets to one of them at
 * least, no store has it twice, and no side claims of the other what that one does not have.
 */

const NAMES = ['hub', 'iot-core'];
const TIMING = { unreachableMs: 60_000, silentMs: 180_000, probeEveryMs: 60_000, steadyMs: 30_000 };
const PLAN = nodePlan([
  streamPlan('alarm', { lane: 0, syncMs: 1_000 }),
  streamPlan('temperature', { lane: 2, syncMs: 5_000 }),
]);

/** `deaf`: stores, and its answers are lost; `silent`: takes messages and stores nothing. */
type Health = 'well' | 'away' | 'silent' | 'deaf';

interface Side {
  store: MemoryRecordStore;
  health: Health;
  open: Set<MemoryUplink>;
}

async function startWorld() {
  const sides = NAMES.map((name): Side => ({ store: createMemoryRecordStore(name), health: 'well', open: new Set() }));
  const random = createSeededRandom(7n);
  const openUplink = (clock: Clock, logger: Logger): Uplink =>
    createFailoverUplink(
      {
        clock,
        random,
        logger,
        dial(index) {
          const side = sides[index]!;
          const ingest = createIngest({
            store: side.store,
            codec: byteCodec,
            nowMs: clock.wallMs,
            logger: createMemoryLogger(),
            audit: createMemoryAudit(),
            mayCarry: (client, node) => client === node,
          });
          const uplink = createMemoryUplink(async (messages) => {
            if (side.health === 'silent') return { answers: [], failed: messages.map((_, at) => at) };
            const result = await ingest(messages);
            return side.health === 'deaf' ? { ...result, answers: [] } : result;
          }, PLAN.node);
          uplink.setLink(side.health !== 'away');
          side.open.add(uplink);
          return {
            ...uplink,
            close: () => {
              side.open.delete(uplink);
              return uplink.close();
            },
          };
        },
      },
      NAMES,
      TIMING,
    );
  const node = await startTestNode(PLAN, { openUplink });
  return {
    node,
    sides,
    set(index: number, health: Health) {
      const side = sides[index]!;
      side.health = health;
      for (const uplink of side.open) uplink.setLink(health !== 'away');
    },
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 5_000) {
        node.clock.advance(5_000);
        await turns(8);
        expectNoFalseClaim(sides);
      }
    },
  };
}

/** At any moment: what a node says that it delivered to a store is in that store. */
function expectNoFalseClaim(sides: readonly Side[]): void {
  for (const { store } of sides) {
    const stored = new Map(store.lanes().map(({ key, index }) => [laneKeyText(key), countOf(index.stored)]));
    for (const { key, delivered } of store.statements()) {
      const found = stored.get(laneKeyText(key)) ?? 0;
      if (delivered > found) throw new Error(`${store.id} ${laneKeyText(key)}: ${delivered} claimed, ${found} stored`);
    }
  }
}

const identitiesIn = ({ store }: Side): string[] =>
  store.rows().map(({ epoch, lane, position }) => `${epoch}/${lane}/${position}`);

function expectOneTruth(sides: readonly Side[], ledger: Awaited<ReturnType<typeof statusOf>>['ledger']): void {
  expect(checkNodeLedger(ledger)).toEqual([]);
  const each = sides.map(identitiesIn);
  for (const identities of each) expect(new Set(identities).size).toBe(identities.length);
  const all = new Set(each.flat());
  const sum = (count: (lane: (typeof ledger.lanes)[number]) => number): number =>
    ledger.lanes.reduce((total, lane) => total + count(lane), 0);
  expect(sum(({ waiting }) => waiting)).toBe(0);
  expect(all.size).toBe(sum(({ enqueued }) => enqueued));
  expect(sum(({ delivered }) => delivered)).toBe(all.size);
}

const statusOf = (world: Awaited<ReturnType<typeof startWorld>>) => world.node.node.status();

describe('failing over between two stores', () => {
  test('what the first acknowledged stays there, the rest goes to the second, and nothing goes twice', async () => {
    const world = await startWorld();
    await world.node.send('temperature', 1, 2, 3);
    await world.pass(60_000);
    world.set(0, 'away');
    await world.node.send('temperature', 4, 5);
    await world.node.send('alarm', 6);
    await world.pass(180_000);
    expect(
      world.sides.map(({ store }) =>
        store
          .rows()
          .map(({ value }) => value)
          .sort(),
      ),
    ).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const { ledger, forward } = await statusOf(world);
    expect(forward).toMatchObject({ uplink: 'iot-core', farSide: 'iot-core' });
    expect(ledger.lanes[2]).toMatchObject({ enqueued: 5, delivered: 5, elsewhere: 3, waiting: 0 });
    expect(ledger.lanes[0]).toMatchObject({ enqueued: 1, delivered: 1, elsewhere: 0, waiting: 0 });
    world.set(0, 'well');
    await world.node.send('temperature', 7);
    await world.pass(1_800_000);
    await world.node.send('temperature', 8);
    await world.pass(60_000);
    const back = await statusOf(world);
    expect(back.forward).toMatchObject({ uplink: 'hub', farSide: 'hub' });
    expect(back.ledger.lanes[2]).toMatchObject({ enqueued: 7, delivered: 7, elsewhere: 3, waiting: 0 });
    expectOneTruth(world.sides, back.ledger);
    const levels = world.node.logger.lines.filter(({ message }) => message.startsWith('forward:'));
    expect(levels.map(({ level }) => level)).toEqual(['warn', 'warn']); // no store was replaced
  });

  test('the first stores and its answers are lost: the second gets the same records under the same identities', async () => {
    const world = await startWorld();
    await world.node.send('temperature', 0);
    await world.pass(60_000);
    world.set(0, 'deaf');
    await world.node.send('temperature', 1, 2, 3);
    await world.pass(600_000);
    const [hub, cloud] = world.sides.map(identitiesIn);
    expect(hub).toHaveLength(4);
    expect(cloud).toEqual(hub!.slice(1));
    expectOneTruth(world.sides, (await statusOf(world)).ledger);
  });

  test('a store that is replaced behind the same uplink is an error still', async () => {
    const world = await startWorld();
    await world.node.send('temperature', 1);
    await world.pass(60_000);
    world.sides[0]!.store = createMemoryRecordStore('hub-new');
    world.set(0, 'away');
    await world.pass(30_000);
    await world.node.crash(); // it is remembered over a restart
    world.set(0, 'well');
    await world.node.send('temperature', 2);
    await world.pass(60_000);
    const errors = world.node.logger.lines.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields }) => fields)).toEqual([{ before: 'hub', now: 'hub-new', uplink: 'hub' }]);
  });

  test.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
    'seed %i: outages, silence, lost answers and crashes',
    async (seed) => {
      const random = createSeededRandom(BigInt(seed));
      const pick = <T>(all: readonly T[]): T => all[Math.floor(random.fraction() * all.length)]!;
      const world = await startWorld();
      let value = 0;
      for (let step = 0; step < 60; step++) {
        if (random.fraction() < 0.25) world.set(pick([0, 1]), pick(['well', 'away', 'silent', 'deaf']));
        if (random.fraction() < 0.05) await world.node.crash();
        await world.node.send(pick(['alarm', 'temperature', 'temperature']), value++, value++);
        await world.pass(pick([5_000, 20_000, 120_000]));
      }
      for (const index of [0, 1]) world.set(index, 'well');
      await world.pass(3_600_000);
      expect((await statusOf(world)).forward.uplink).toBe('hub');
      expectOneTruth(world.sides, (await statusOf(world)).ledger);
    },
  );
});
