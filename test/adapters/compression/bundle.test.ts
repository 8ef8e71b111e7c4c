import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { inlineZstd } = (await import(join(root, 'inline-zstd.mjs'))) as { inlineZstd: Plugin };

const PROGRAM = `
import { openByteCodec } from './codec.mjs';
const codec = await openByteCodec();
const text = Buffer.from('one file holds it all, '.repeat(100));
for (const [compression, format] of [['lz4', 'lz4'], ['zstd', 'zstd'], ['zstd-9', 'zstd']]) {
  const packed = codec.compress(text, compression);
  const same = text.equals(codec.decompress(packed, format, text.length));
  console.log(compression, packed.length < 100, same);
}
`;

test('the compressors run from one bundled file, with no package and no other file beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-bundle-'));
  try {
    await build({
      entryPoints: [join(root, 'adapters/compression/byte-codec.ts')],
      outfile: join(folder, 'codec.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      plugins: [inlineZstd],
      loader: { '.wasm': 'binary' },
      banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    });
    expect(await readdir(folder)).toEqual(['codec.mjs']);
    await writeFile(join(folder, 'program.mjs'), PROGRAM);
    const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: folder });
    expect(stdout.trim().split('\n')).toEqual(['lz4 true true', 'zstd true true', 'zstd-9 true true']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
