import { crc32 } from 'node:zlib';

/** Bytes of the part that every version has in common. */
export function identityLength(bytes: Uint8Array): number {
  const long = bytes[3]! >= 0x80;
  return long ? 5 + (bytes[3]! & 0x7f) + bytes[4]! * 128 + 2 : 4 + bytes[3]! + 2;
}

/** With the checksum at the end that a sender of these bytes would have written. */
export function sealed(body: Uint8Array): Buffer {
  const end = Buffer.alloc(4);
  end.writeUInt32LE(crc32(body));
  return Buffer.concat([body, end]);
}

/** The same envelope as a sender of another version would name it. */
export function withVersion(bytes: Uint8Array, version: number): Buffer {
  const body = Buffer.from(bytes.subarray(0, bytes.length - 4));
  body[2] = version;
  const length = identityLength(bytes);
  body.writeUInt16LE(crc32(body.subarray(0, length - 2)) & 0xffff, length - 2);
  return sealed(body);
}
