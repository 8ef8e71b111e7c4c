import { compress as compressZstd, decompress as decompressZstd, init as loadZstd } from '@bokuweb/zstd-wasm';
import { compressBlock, compressBound } from 'lz4js';
import type { ByteCodec } from '../../core/byte-codec.ts';
import { expandLz4Block } from './lz4-block.ts';
import { zstdContentSize } from './zstd-header.ts';

const LEVELS = { zstd: 3, 'zstd-9': 9 } as const;
/** What the WebAssembly module says of bytes that are no frame; anything else that it throws is a bug. */
const REFUSED = /^Failed to compress with code/;

let loaded: Promise<void> | undefined;

/** Loads the one build of zstd that nodes, hub and cloud use; further calls share it. */
export async function openByteCodec(): Promise<ByteCodec> {
  loaded ??= loadZstd();
  await loaded;
  const table = new Uint32Array(2 ** 16);

  return {
    compress(bytes, compression) {
      if (compression !== 'lz4') return compressZstd(bytes, LEVELS[compression]);
      table.fill(0); // what another block left behind would be taken for matches
      const target = new Uint8Array(compressBound(bytes.length));
      const length = compressBlock(bytes, target, 0, bytes.length, table);
      return length === 0 ? undefined : target.subarray(0, length);
    },
    decompress(bytes, format, rawLength) {
      if (format === 'lz4') return expandLz4Block(bytes, rawLength);
      // The module allocates what the frame says, so what it says is checked first.
      if (rawLength === 0 || zstdContentSize(bytes) !== rawLength) return undefined;
      try {
        const raw = decompressZstd(bytes);
        return raw.length === rawLength ? raw : undefined;
      } catch (error) {
        if (error instanceof Error && REFUSED.test(error.message)) return undefined;
        throw error;
      }
    },
  };
}
