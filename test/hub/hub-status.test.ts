import { expect, test } from '@jest/globals';
import type { QueryEngine } from '../../adapters/embedded/query-engine.ts';
import type { Broker } from '../../adapters/mqtt/broker.ts';
import type { Epoch } from '../../core/identity.ts';
import { hubStatusOf } from '../../hub/hub-status.ts';
import { createIngestTally } from '../../hub/ingest-tally.ts';
import { createStatementBook } from '../../hub/statement-book.ts';
import { EPOCH_A, EPOCH_B, envelopeOf, START_MS } from '../helpers/envelopes.ts';
import { changeOf } from '../helpers/store-change.ts';
import { openStore, withDirectory } from '../helpers/stores.ts';

test('counts by node what is stored, given up, and without a fate', () =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    const book = createStatementBook();
    const key = { node: 'node-a', producer: 'edge', epoch: EPOCH_A, lane: 2 as const };
    await store.commit(changeOf(envelopeOf(0, 4), 0, { statements: [{ key, upTo: 10, delivered: 4 }] }));
    const status = async () => {
      const { nodes } = await hubStatusOf({
        name: 'hub',
        startedAtMs: START_MS,
        nowMs: START_MS,
        address: { mqtt: '', http: '' },
        store,
        broker: { status: () => ({ clients: {}, refusals: {} }) } as unknown as Broker,
        engine: { pending: () => 0 } as unknown as QueryEngine,
        tally: createIngestTally(),
        latestOf: book.latestOf,
        nodes: ['node-a', 'node-b'],
      });
      return nodes.map(({ name, stored, lost }) => [name, stored.normal, lost.normal]);
    };
    const say = (epoch: Epoch, upTo: number) => {
      const lane = { producer: 'edge', epoch, lane: 2 as const, upTo, delivered: 0, givenUp: [] };
      book.note('node-a', { type: 'counts', whole: true, lanes: [lane] }, START_MS + 1);
    };
    say(EPOCH_A, 10);
    expect(await status()).toEqual([
      ['node-a', 4, 0],
      ['node-b', 0, 0],
    ]);
    say(EPOCH_B, 1);
    expect(await status()).toEqual([
      ['node-a', 4, 6],
      ['node-b', 0, 0],
    ]);
    await store.close();
  }));
