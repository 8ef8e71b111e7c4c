import { parentPort, workerData } from 'node:worker_threads';
import { openZeroedFile } from '../support/raw-file.ts';
import type { RawThreadData } from '../support/raw-thread-side.ts';

/** Makes durable what lies in the shared memory, as many bytes of it as the message says, and answers. */
const { path, memory } = workerData as RawThreadData;
const file = openZeroedFile(path);
const bytes = Buffer.from(memory);
parentPort!.on('message', (length: number) => {
  file.append(bytes.subarray(0, length));
  parentPort!.postMessage(length);
});
