import { join } from 'node:path';
import { startJournalWorker } from '../journal/worker-client.ts';
import { ourSide } from './support/append-sides.ts';
import { median, ratios, short, spread } from './support/figures.ts';
import { errorsOnly } from './support/logger.ts';
import { type JetStream, startJetStream } from './support/nats.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import { findNats } from './support/peers.ts';
import type { Claim, Section } from './support/section.ts';
import { withFolder } from './support/temporary.ts';
import { textRecords } from './support/text-records.ts';

const ROUNDS = 5;
const CASE_MS = 500;
/** Records that wait for the same flush, and what was promised against them. */
const CASES = [
  { together: 1, promised: 1.2 },
  { together: 100, promised: 30 },
];

export const nats: Claim = { id: 'nats', title: 'Power-safe enqueue against NATS JetStream', run };

async function run(): Promise<Section> {
  const found = findNats();
  return found.ok ? withFolder((folder) => compare(folder, found.peer)) : leftOut(found.reason);
}

async function compare(folder: string, server: string): Promise<Section> {
  const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
  const ours = await ourSide(worker, join(folder, 'journal'));
  const theirs = await startJetStream(server, join(folder, 'nats'));
  try {
    const rates = CASES.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
    for (let round = -1; round < ROUNDS; round++) {
      for (const [index, { together }] of CASES.entries()) {
        const own = await ours.run(together, CASE_MS);
        const other = await publish(theirs, together);
        if (round < 0) continue; // for the compiler
        rates[index]!.ours.push(own);
        rates[index]!.theirs.push(other);
      }
      await ours.clear();
    }
    const reached = rates.map((one) => median(ratios(one.ours, one.theirs)));
    return {
      says: `With ${CASES.map(({ together }) => together).join(' / ')} records waiting for a flush the journal makes ${reached.map(short).join(' / ')} times as many durable a second as NATS JetStream does with "sync always".`,
      method: `Records of 200 bytes. NATS: nats-server, one stream in files, sync_interval always, so many messages published and not answered at a time, over TCP on this machine in its own text protocol. The journal: so many records a commit, in its worker thread, called from this thread; no network.`,
      noise: `${ROUNDS} rounds of ${CASE_MS} ms a case in turns, after one for the compiler; median (smallest–largest); ratios round by round.`,
      tables: [
        {
          head: ['records together', 'journal, records/s', 'NATS JetStream, records/s', 'ratio'],
          rows: CASES.map(({ together }, index) => {
            const one = rates[index]!;
            return [String(together), spread(one.ours), spread(one.theirs), spread(ratios(one.ours, one.theirs))];
          }),
        },
      ],
      promises: CASES.map(({ together, promised }, index) => ({
        what: `${together} at a time`,
        promised: `≥ ${promised}×`,
        reached: `${short(reached[index]!)}×`,
        kept: reached[index]! >= promised ? 'yes' : 'no',
      })),
    };
  } finally {
    await theirs.stop();
    await ours.close();
    await worker.close();
  }
}

const publish = (server: JetStream, inFlight: number): Promise<number> =>
  server.publish(textRecords(1), inFlight, CASE_MS);

const leftOut = (reason: string): Section => ({
  says: `Not measured: ${reason}.`,
  method: 'nats-server is built by "npm run bench:peers" where Go is installed.',
  noise: 'none.',
  tables: [],
  promises: CASES.map(({ together, promised }) => ({
    what: `${together} at a time`,
    promised: `≥ ${promised}×`,
    reached: '–',
    kept: 'not measured yet',
  })),
});
