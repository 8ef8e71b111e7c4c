import { type ByteReader, decodeText, readBytes, readCount, remaining } from './byte-reader.ts';
import { type ByteWriter, writeBytes, writeVarint } from './byte-writer.ts';

/** Longest name of a device or stream; bounds what a small table can unfold to. */
export const MAX_NAME_BYTES = 255;

/** Names, each as the bytes it shares with the one before (press-001, press-002 …) and the rest. */
export function writeNames(writer: ByteWriter, names: readonly string[]): void {
  writeVarint(writer, names.length);
  let previous = Buffer.alloc(0);
  for (const name of names) {
    const bytes = Buffer.from(name, 'utf8');
    if (bytes.length > MAX_NAME_BYTES) {
      throw new RangeError(`name of ${bytes.length} bytes, allowed ${MAX_NAME_BYTES}: ${name.slice(0, 80)}`);
    }
    const shared = sharedPrefix(previous, bytes);
    writeVarint(writer, shared);
    writeVarint(writer, bytes.length - shared);
    writeBytes(writer, bytes.subarray(shared));
    previous = bytes;
  }
}

/** At most `max` names. */
export function readNames(reader: ByteReader, max: number): string[] {
  const count = readCount(reader, Math.min(max, Math.floor(remaining(reader) / 2)), 'names');
  const names: string[] = [];
  let previous = Buffer.alloc(0);
  for (let index = 0; index < count && reader.problem === undefined; index++) {
    const shared = readCount(reader, previous.length, 'shared bytes of a name');
    const rest = readBytes(reader, readCount(reader, MAX_NAME_BYTES - shared, 'bytes of a name'));
    previous = Buffer.concat([previous.subarray(0, shared), rest]);
    names.push(decodeText(reader, previous));
  }
  return names;
}

function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}
