import { openByteCodec } from '../../adapters/compression/byte-codec.ts';

/** Loaded once for each test file. */
export const byteCodec = await openByteCodec();
