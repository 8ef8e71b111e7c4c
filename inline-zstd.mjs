import { readFileSync } from 'node:fs';

/**
 * esbuild plugin: puts zstd's WebAssembly into the bundle. By itself it looks for the file beside a module that is not
 * there any more. Needs `loader: { '.wasm': 'binary' }`, and a `require` in ESM bundles.
 */
export const inlineZstd = {
  name: 'inline-zstd',
  setup(build) {
    build.onLoad({ filter: /@bokuweb[\\/]zstd-wasm[\\/]dist[\\/]common[\\/]index\.node\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replace(/yield readFile\([^;]*\);/, "Buffer.from(require('./zstd.wasm'));");
      if (contents === source)
        throw new Error(`${path} reads its WebAssembly in another way: inline-zstd.mjs must follow`);
      return { contents, loader: 'js' };
    });
  },
};
