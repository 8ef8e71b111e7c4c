import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import * as z from 'zod';
import type { JsonValue } from '../../core/filters/filter.ts';
import { bytesBetween } from './file-bytes.ts';
import { type FileMark, TAIL_BYTES } from './line-reader.ts';

/** What tells one file from another under the same path: files grow, but their beginning stays. */
export interface FileIdentity {
  /** SHA-256 of the first `headBytes` bytes of the text; of a .gz, of the text in it: it may be packed anew. */
  head: string;
  headBytes: number;
}

const HEAD_BYTES = 4_096;

const filePosition = z.object({
  head: z.string(),
  headBytes: z.int().min(0).max(HEAD_BYTES),
  offset: z.int().min(0),
  lines: z.int().min(0),
  /** SHA-256 of the bytes before `offset`, at most TAIL_BYTES. */
  tail: z.string().optional(),
  /** Only without `tail`, as positions were before it: size of the file; `head` is then that of the packed bytes. */
  size: z.int().min(0).optional(),
});
type FilePosition = z.infer<typeof filePosition>;

/** What is committed with each batch: the file, how far it was read, and what stands there. */
export const positionOf = (identity: FileIdentity, { offset, lines, tail }: FileMark): JsonValue => ({
  ...identity,
  offset,
  lines,
  tail: sha256(tail),
});

/** `other-file` = it is not the file of that position any more; `no-position` = that is none of a file. */
export type Resumption = { from: 'mark'; mark: FileMark } | { from: 'start' | 'other-file' | 'no-position' };

/** The identity of the file as it is now, and where to go on in it. Rejects with the errors of the file system and gzip. */
export async function identifyFile(
  path: string,
  position: JsonValue | undefined,
): Promise<{ identity: FileIdentity; resumption: Resumption }> {
  const head = await bytesBetween(path, 0, HEAD_BYTES);
  const identity = { head: sha256(head), headBytes: head.length };
  if (position === undefined) return { identity, resumption: { from: 'start' } };
  const last = filePosition.safeParse(position);
  if (!last.success) return { identity, resumption: { from: 'no-position' } };
  const mark = (await hasHead(path, head, last.data)) ? await findMark(path, last.data) : undefined;
  return { identity, resumption: mark ? { from: 'mark', mark } : { from: 'other-file' } };
}

async function hasHead(path: string, head: Buffer, last: FilePosition): Promise<boolean> {
  const start = last.tail === undefined ? await packedHead(path, last.size ?? 0) : head;
  return (
    start !== undefined && last.headBytes <= start.length && last.head === sha256(start.subarray(0, last.headBytes))
  );
}

/** A file whose older rows were edited may have the same beginning, and its old offset then lies within a line. */
async function findMark(path: string, { offset, lines, tail: hash }: FilePosition): Promise<FileMark | undefined> {
  const from = Math.max(0, offset - TAIL_BYTES);
  const tail = await bytesBetween(path, from, offset);
  return tail.length === offset - from && (hash === undefined || hash === sha256(tail))
    ? { offset, lines, tail }
    : undefined;
}

/** The first bytes as they stand in the file; undefined = it is smaller than it was. */
async function packedHead(path: string, minSize: number): Promise<Buffer | undefined> {
  const file = await open(path, 'r');
  try {
    if ((await file.stat()).size < minSize) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
