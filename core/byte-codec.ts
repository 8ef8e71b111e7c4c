import type { Compression } from './priority.ts';

/** What compressed bytes are, in the order of their numbers on the wire; `raw` = as they are. */
export const BYTE_FORMATS = ['raw', 'lz4', 'zstd'] as const;
export type ByteFormat = (typeof BYTE_FORMATS)[number];

export const FORMAT_OF: Readonly<Record<Compression, ByteFormat>> = {
  none: 'raw',
  lz4: 'lz4',
  zstd: 'zstd',
  'zstd-9': 'zstd',
};

/**
 * Compresses and expands bytes, synchronously, the same on every machine. A port: core has no compressor of its own,
 * because the one build of zstd that runs everywhere is WebAssembly, which must be loaded first.
 */
export interface ByteCodec {
  /** Undefined if the compressor found nothing to save; else bytes that may still be longer than what came in. */
  compress(bytes: Uint8Array, compression: Exclude<Compression, 'none'>): Uint8Array | undefined;
  /**
   * Exactly `rawLength` bytes, or undefined if the bytes are no such thing. Never throws; takes no more memory than
   * `rawLength`, which is the caller's to bound, and a fixed amount.
   */
  decompress(bytes: Uint8Array, format: Exclude<ByteFormat, 'raw'>, rawLength: number): Uint8Array | undefined;
}

/** How the byte sections of an envelope (texts, JSON, arrays) are written; numbers have a coding of their own. */
export interface EnvelopeCoding {
  codec: ByteCodec;
  compression: Compression;
}
