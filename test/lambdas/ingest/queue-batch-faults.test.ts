import { expect, test } from '@jest/globals';
import type { SQSEvent } from 'aws-lambda';
import fc from 'fast-check';
import { createCloudStore } from '../../../adapters/aws/record-store.ts';
import { createMemoryItemTable } from '../../../adapters/memory/item-table.ts';
import { createMemoryObjectStore } from '../../../adapters/memory/object-store.ts';
import { decodeRows } from '../../../adapters/parquet/landing-rows.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { decodeAnswer } from '../../../core/messages.ts';
import { countOf, type Range, rangeSetOf } from '../../../core/ranges.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import { createQueueBatch } from '../../../lambdas/ingest/queue-batch.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import { envelopeOf } from '../../helpers/envelopes.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const NODES = ['node-a', 'node-b', 'node-c'];

type Trouble = 'none' | 'before' | 'after';

/** A port whose calls fail as the list says: before they take effect, or after, when only the answer is lost. */
function troubled<T extends object>(port: T, next: () => Trouble): T {
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function' || name === 'list') return member;
      return async (...given: unknown[]) => {
        const trouble = next();
        if (trouble === 'before') throw new Error(`${String(name)} failed`);
        const result = await Reflect.apply(member, target, given);
        if (trouble === 'after') throw new Error(`answer of ${String(name)} lost`);
        return result;
      };
    },
  });
}

test('whatever call fails, in the end each record is found once, acknowledged, and told if it is critical', async () => {
  const troubles = fc.array(fc.constantFrom<Trouble>('none', 'none', 'before', 'after'), { maxLength: 120 });
  await fc.assert(
    fc.asyncProperty(troubles, fc.nat(25), async (list, receivedBefore) => {
      let call = 0;
      const next = (): Trouble => list[call++] ?? 'none';
      const objects = createMemoryObjectStore(() => NOW_MS);
      const table = createMemoryItemTable('table-1');
      const acknowledged: Record<string, Range[]> = {};
      const told = new Set<string>();
      const outside = {
        publish: async (topic: string, payload: Uint8Array) => {
          const answer = decodeAnswer(payload);
          if (!answer.ok) throw new Error(answer.detail);
          for (const item of answer.value.items) {
            if (item.type !== 'stored') throw new Error(`answered ${item.type}`);
            const lane = `${topic}/${item.lane}`;
            acknowledged[lane] = [...(acknowledged[lane] ?? []), ...item.ranges];
          }
        },
        notify: async ({ body }: { body: string }) => {
          for (const { id } of (JSON.parse(body) as { records: { id: string }[] }).records) told.add(id);
        },
        landed: async () => undefined,
      };
      const shaky = troubled(outside, next);
      const shakyTable = troubled(table, next);
      const handle = createQueueBatch(
        {
          codec: byteCodec,
          store: createCloudStore({
            objects: troubled(objects, next),
            table: shakyTable,
            random: createSeededRandom(BigInt(list.length)),
            logger: silentLogger,
            nowMs: () => NOW_MS,
            landed: shaky.landed,
          }),
          table: shakyTable,
          logger: silentLogger,
          audit: { record: () => undefined },
          nowMs: () => NOW_MS,
          after: () => () => undefined,
          mayCarry: (client, node) => client === node,
          publish: shaky.publish,
          notify: shaky.notify,
        },
        'demo',
      );

      const bodies = NODES.flatMap((node) =>
        [0, 5].flatMap((from) =>
          ([0, 2] as const).map((lane) => ({
            client: node,
            payload: Buffer.from(encodeEnvelope(envelopeOf(from, from + 5, { node, lane }))).toString('base64'),
          })),
        ),
      );
      let waiting = bodies.map((body, at) => ({ messageId: `m-${at}`, body: JSON.stringify(body) }));
      for (let receives = 1 + receivedBefore; waiting.length > 0; receives++) {
        expect(receives).toBeLessThan(400);
        const attributes = { ApproximateReceiveCount: String(receives) };
        const Records = waiting.map((message) => ({ ...message, attributes })) as SQSEvent['Records'];
        const { batchItemFailures } = await handle({ Records }, () => 60_000);
        const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        waiting = waiting.filter(({ messageId }) => failed.has(messageId));
      }

      const rows = await Promise.all(
        objects.keys('landing/').map(async (key) => decodeRows((await objects.get(key))!)),
      );
      const identities = rows.flat().map(({ node, lane, position }) => `${node}/${lane}/${position}`);
      expect(identities).toHaveLength(NODES.length * 20);
      expect(new Set(identities).size).toBe(identities.length);
      expect(Object.values(acknowledged).map((ranges) => countOf(rangeSetOf(ranges)))).toEqual(
        NODES.flatMap(() => [10, 10]),
      );
      expect(told.size).toBe(NODES.length * 10);
      expect(objects.keys('aside/')).toEqual([]);
    }),
    { numRuns: 150, examples: [[['none', 'none', 'none', 'none', 'none', 'none', 'before'], 0]] },
  );
});
