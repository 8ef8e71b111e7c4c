import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type RateSide, timed } from './append-sides.ts';

export interface RawThreadData {
  path: string;
  memory: SharedArrayBuffer;
}

const MOST_BYTES = 1024 * 1024;

/**
 * The least that any journal in a thread of its own can cost: the bytes lie in shared memory, a number is posted, the
 * thread writes over zeros, flushes, and posts a number back.
 */
export function rawThreadSide(folder: string): RateSide {
  const memory = new SharedArrayBuffer(MOST_BYTES);
  const data: RawThreadData = { path: join(folder, 'raw-thread'), memory };
  const worker = new Worker(new URL('./raw-thread.js', import.meta.url), { workerData: data });
  const shared = Buffer.from(memory);
  const commit = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', () => {
        worker.off('error', reject);
        resolve();
      });
      shared.set(bytes);
      worker.postMessage(bytes.length);
    });
  return {
    name: 'the same over zeros from a worker thread',
    run: (size, ms) => timed(size, ms, (_size, bytes) => commit(bytes)),
    clear: async () => undefined,
    close: async () => void (await worker.terminate()),
  };
}
