import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { controlPath } from './control-path.ts';

/** Nobody answers there. */
const NOBODY: readonly (string | undefined)[] = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'];
/** It closed while it was being asked. */
const ENDED: readonly (string | undefined)[] = ['ECONNRESET', 'EPIPE'];

/** An answer is a page of records at most. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Asks the running node of a directory; undefined if none runs there.
 *
 * @param timeoutMs for the whole of it
 * @throws Error if it does not answer in time, ends without an answer, or the socket is not ours (`EACCES`)
 */
export async function askControlSocket(directory: string, request: object, timeoutMs: number): Promise<unknown> {
  if (!existsSync(directory)) return undefined;
  const path = controlPath(directory);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const chunks: Buffer[] = [];
    let bytes = 0;
    const fail = (detail: string): void => {
      socket.destroy();
      reject(new Error(`the node of ${directory} ${detail}`));
    };
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs / 1_000} s`), timeoutMs);
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) return fail(`answered more than ${MAX_ANSWER_BYTES} bytes`);
      if (chunk.at(-1) !== 10) return;
      socket.destroy();
      resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY.includes(error.code)) resolve(undefined);
      else if (!ENDED.includes(error.code)) reject(error);
    });
    // After an answer or an error this comes too late to matter.
    socket.on('close', () => {
      clearTimeout(timer);
      fail('ended without an answer; is it stopping?');
    });
  });
}
