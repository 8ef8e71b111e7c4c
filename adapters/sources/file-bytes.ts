import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

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

/** Bytes [from, to) of the text of a file, fewer at its end. */
export async function bytesBetween(path: string, from: number, to: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let missing = to - from;
  if (missing > 0) {
    for await (const chunk of readBytes(path, from)) {
      parts.push(chunk.subarray(0, missing));
      missing -= chunk.length;
      if (missing <= 0) break;
    }
  }
  return Buffer.concat(parts);
}
