import { writeFileSync } from 'node:fs';
import { openQueryDatabase, type QueryDatabase } from '../adapters/embedded/query-database.ts';
import type { QueryReply, QueryRequest } from '../adapters/embedded/query-messages.ts';

const LOOK_EVERY_MS = 50;
const linux = process.platform === 'linux';

if (!process.send) throw new Error('query process: started outside the hub');
const reply = (message: QueryReply): void => void process.send!(message);

// Not exit(): it would wait for a query that cannot be interrupted.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C reaches the whole group of processes; when this one ends is the hub's decision.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
if (linux) preferToBeKilled();

let database: QueryDatabase | undefined;
process.on('message', (request: QueryRequest) => {
  answer(request).then(reply, (error: Error) => reply({ failed: error.message }));
});

async function answer(request: QueryRequest): Promise<QueryReply> {
  if ('setup' in request) {
    database = await openQueryDatabase(request.setup);
    return { ready: true, residentBytes: process.memoryUsage.rss() };
  }
  if (!database) throw new Error('a query came before the setup');
  // On Linux the hub looks by itself, which works whatever this process is doing.
  const telling = linux ? undefined : setInterval(tellMemory, LOOK_EVERY_MS);
  try {
    const result = await database.answer(request.sql, request.snapshot);
    return { answer: result, residentBytes: process.memoryUsage.rss() };
  } finally {
    clearInterval(telling);
  }
}

function tellMemory(): void {
  reply({ residentBytes: process.memoryUsage.rss() });
}

/** If memory gets short before anybody looks, the kernel should end this process and never the hub. */
function preferToBeKilled(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Some containers show /proc read-only; the limits hold all the same.
  }
}
