import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import * as z from 'zod';
import type { JsonValue } from '../../core/filters/filter.ts';
import type { FileMark } from './line-reader.ts';

/** What tells one file from another under the same path: files grow, but their beginning stays. */
export interface FileIdentity {
  /** SHA-256 of the first `headBytes` bytes. */
  head: string;
  headBytes: number;
  /** Size when it was opened; the same file is never smaller later. */
  size: number;
}

const HEAD_BYTES = 4_096;

const filePosition = z.object({
  head: z.string(),
  headBytes: z.int().min(0).max(HEAD_BYTES),
  size: z.int().min(0),
  offset: z.int().min(0),
  lines: z.int().min(0),
});

/** What is committed with each batch: the file, and how far it was read. */
export const positionOf = (identity: FileIdentity, mark: FileMark): JsonValue => ({ ...identity, ...mark });

/** The identity of the file as it is now, and where to go on in it; no mark = it is not the file of that position. */
export async function identifyFile(
  path: string,
  position: JsonValue | undefined,
): Promise<{ identity: FileIdentity; mark: FileMark | undefined }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const hashOf = (bytes: number): string => createHash('sha256').update(buffer.subarray(0, bytes)).digest('hex');
    const identity = { head: hashOf(bytesRead), headBytes: bytesRead, size };
    const last = filePosition.safeParse(position);
    const same =
      last.success &&
      last.data.size <= size &&
      last.data.headBytes <= bytesRead &&
      last.data.head === hashOf(last.data.headBytes);
    return { identity, mark: same ? { offset: last.data.offset, lines: last.data.lines } : undefined };
  } finally {
    await file.close();
  }
}

/** The text of a file from a byte on, unpacked if its name ends in .gz: then what comes before is read and dropped. */
export async function* readBytes(path: string, offset: number): AsyncGenerator<Buffer> {
  if (!path.endsWith('.gz')) {
    yield* createReadStream(path, { start: offset });
    return;
  }
  // Errors of either stream surface in the iteration over the last one.
  const unpacked = pipeline(createReadStream(path), createGunzip(), () => {});
  let before = offset;
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    if (before >= chunk.length) before -= chunk.length;
    else {
      yield chunk.subarray(before);
      before = 0;
    }
  }
}
