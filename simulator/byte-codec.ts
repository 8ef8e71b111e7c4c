import { openByteCodec } from '../adapters/compression/byte-codec.ts';

/** The real one: it is a pure function of its input. All of a run share it. */
export const byteCodec = await openByteCodec();
