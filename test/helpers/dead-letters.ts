import { createMemoryAudit } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore } from '../../adapters/memory/record-store.ts';
import { createMemoryUplink } from '../../adapters/memory/uplink.ts';
import { isEnvelope } from '../../core/envelope/identity-prefix.ts';
import { PRIORITY_CONTRACT } from '../../core/priority.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { byteCodec } from './byte-codec.ts';
import { nodePlan, startTestNode, streamPlan, turns } from './edge-node.ts';

/** A node whose far side does not take what it sends, until `far.lets`: four dead letters of two records each. */
export async function nodeWithDeadLetters() {
  const low = { ...PRIORITY_CONTRACT.low, retries: 1, initialTimeoutMs: 1_000, maxTimeoutMs: 1_000 };
  const store = createMemoryRecordStore('far-1');
  const far = { lets: false, store };
  const bench = await startTestNode(
    nodePlan([streamPlan('level', { lane: 3, syncMs: 1_000 })], { priorities: { ...PRIORITY_CONTRACT, low } }),
    {
      openUplink: (clock, logger) => {
        const ports = { store, codec: byteCodec, nowMs: clock.wallMs, logger, audit: createMemoryAudit() };
        const willing = createIngest({ ...ports, mayCarry: () => true });
        const unwilling = createIngest({ ...ports, mayCarry: () => false });
        // Questions are answered all the same: the far side is there.
        return createMemoryUplink(
          (messages) =>
            far.lets || messages.every(({ payload }) => !isEnvelope(payload)) ? willing(messages) : unwilling(messages),
          'node-1',
        );
      },
    },
  );
  await bench.send('level', 10, 11, 12, 13, 14, 15, 16, 17); // refused in halves: four letters of two
  for (let second = 0; second < 60; second++) {
    bench.clock.advance(1_000);
    await turns(5);
  }
  return { ...bench, node: bench.node, far };
}
