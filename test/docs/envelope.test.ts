import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import { COMPRESSIONS } from '../../core/priority.ts';
import { ENVELOPES_V1 } from '../fixtures/envelope-v1.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { anyEnvelope } from '../helpers/envelopes.ts';
import { decodeByThePage } from './envelope-by-the-page.ts';

test.each(ENVELOPES_V1)('docs/envelope.md is enough to read $name', ({ hex, envelope }) => {
  expect(decodeByThePage(Buffer.from(hex, 'hex'))).toStrictEqual(envelope);
});

test('docs/envelope.md is enough to read any envelope', () => {
  fc.assert(
    fc.property(anyEnvelope(), fc.constantFrom(...COMPRESSIONS), (envelope, compression) => {
      const bytes = encodeEnvelope(envelope, { codec: byteCodec, compression });
      expect(decodeByThePage(bytes)).toStrictEqual(envelope);
    }),
    { numRuns: 300 },
  );
});
