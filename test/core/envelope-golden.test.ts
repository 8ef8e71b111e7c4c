import { expect, test } from '@jest/globals';
import { decodeEnvelope, peekIdentity } from '../../core/envelope-codec.ts';
import { ENVELOPES_V1 } from '../fixtures/envelope-v1.ts';
import { byteCodec } from '../helpers/byte-codec.ts';

test.each(ENVELOPES_V1)('version 1 stays readable: $name', ({ hex, envelope }) => {
  const bytes = Buffer.from(hex, 'hex');
  expect(decodeEnvelope(bytes, byteCodec)).toStrictEqual({ ok: true, envelope });
  const { node, producer, epoch, lane, from, to } = envelope.header;
  expect(peekIdentity(bytes)).toEqual({ version: 1, node, producer, epoch, lane, from, to });
});
