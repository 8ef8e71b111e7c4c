import { createCloudStore } from '../../adapters/aws/record-store.ts';
import { systemRandom } from '../../adapters/embedded/system-random.ts';
import { createMemoryAudit } from '../../adapters/memory/logger.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { contractMayCarry, farSideContract } from '../contracts/far-side.ts';
import { recordStoreContract, type StoreUnderTest } from '../contracts/record-store.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { asideMessages, indexedPositions, landedRows, statedLanes } from '../helpers/cloud-store.ts';
import { START_MS } from '../helpers/envelopes.ts';
import { silentLogger } from '../helpers/silent-logger.ts';
import { readCloud } from './cloud.ts';
import { type Account, createAccount } from './helpers/account-store.ts';
import { createClients } from './helpers/clients.ts';

/** The suites that every far side passes, on the emulated S3 and DynamoDB through the adapters that the functions use. */

const clients = createClients(readCloud().endpoint);

const openStore = async ({ objects, openTable }: Account) =>
  createCloudStore({
    objects,
    table: await openTable(),
    logger: silentLogger,
    nowMs: () => START_MS,
    random: systemRandom,
    landed: async () => undefined,
  });

async function underTest(account: Account): Promise<StoreUnderTest> {
  return {
    store: await openStore(account),
    rows: async () => landedRows(await account.contents()),
    statements: async () => statedLanes(await account.contents()),
    poison: async () => asideMessages(await account.contents()),
    poisonCounts: undefined,
    reopen: () => underTest(account),
    close: () => account.remove(),
  };
}

recordStoreContract('S3 and DynamoDB', 'durable', async () => underTest(await createAccount(clients)));

farSideContract('ingest on S3 and DynamoDB', async () => {
  const account = await createAccount(clients);
  const open = async () =>
    createIngest({
      store: await openStore(account),
      codec: byteCodec,
      nowMs: () => START_MS,
      logger: silentLogger,
      audit: createMemoryAudit(),
      mayCarry: contractMayCarry,
    });
  let ingest = await open();
  return {
    deliver: async (client, payloads) => {
      const result = await ingest(payloads.map((payload) => ({ client, payload })));
      return { answers: result.answers.map(({ payload }) => payload), failed: result.failed.length };
    },
    rows: async () => landedRows(await account.contents()),
    indexed: async () => indexedPositions(await account.contents()),
    poison: async () => asideMessages(await account.contents()),
    reopen: async () => {
      ingest = await open();
    },
    close: () => account.remove(),
  };
});
