import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { megabytes } from './figures.ts';

/** MB. */
export interface Memory {
  /** Of the process. */
  rss: number;
  /** Objects and buffers of this thread that are in use. */
  live: number;
}

let collectGarbage: (() => void) | undefined;

/** After a collection of garbage: what is left is held by somebody. */
export async function memoryNow(): Promise<Memory> {
  if (!collectGarbage) {
    setFlagsFromString('--expose-gc');
    collectGarbage = runInNewContext('gc') as () => void;
  }
  // Twice: what a socket or a buffer holds outside the heap goes a turn after its object.
  collectGarbage();
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss: megabytes(rss), live: megabytes(heapUsed + external) };
}
