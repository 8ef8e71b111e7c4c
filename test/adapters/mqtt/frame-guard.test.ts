import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFrameGuard } from '../../../adapters/mqtt/frame-guard.ts';

/** A packet of one header byte, its length as MQTT writes it, and a body that looks like headers. */
function packetOf(length: number): Buffer {
  const header = [0x30];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    header.push((rest % 128) + (rest >= 128 ? 128 : 0));
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)]);
}

/** Cuts the bytes at the given places, in any order and any number. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test('law: packets within the limit pass however they are cut; the first above it does not', () => {
  const lengths = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(0, 127, 128, 16_383, 16_384, 20_000)), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(lengths, fc.array(fc.nat(), { maxLength: 20 }), fc.boolean(), (packets, places, oversized) => {
      const guard = createFrameGuard(20_000);
      const bytes = Buffer.concat(packets.map(packetOf));
      for (const chunk of cut(bytes, places)) expect(guard(chunk)).toBe('ok');
      expect(guard(packetOf(oversized ? 20_001 : 20_000))).toBe(oversized ? 'too-large' : 'ok');
    }),
  );
});

test('a length of more than four bytes is malformed; 256 MB are seen before they come', () => {
  expect(createFrameGuard(2 ** 28)(Buffer.from('30ffffffff01', 'hex'))).toBe('malformed');
  expect(createFrameGuard(1_000)(Buffer.from('30ffffff7f', 'hex'))).toBe('too-large');
});
