import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inlineZstd } from './inline-zstd.mjs';

// Bundles the command line, the journal's worker, the hub's process for queries, and the cloud's functions. Runs on
// `npm ci` too, where with --omit=dev esbuild is absent. `node build.mjs FOLDER` builds elsewhere.
const esbuild = await import('esbuild').catch(() => null);
if (!esbuild) process.exit(0);

const out = process.argv[2] ?? 'dist';

const ENTRIES = {
  headwater: 'bin/headwater.ts',
  'journal-worker': 'journal/worker.ts',
  'query-process': 'hub/query-process.ts',
};

const common = { bundle: true, platform: 'node', format: 'esm', metafile: true, logLevel: 'warning' };

const local = await esbuild.build({
  ...common,
  entryPoints: ENTRIES,
  target: 'node20',
  outdir: out,
  packages: 'external',
  // Commands load what they need when they run: `headwater --help` waits for no broker and no database.
  splitting: true,
  // Flat: whoever starts the worker or the process looks for it beside itself.
  chunkNames: '[name]-[hash]',
  sourcemap: true,
});

/** `lambdas/<name>/index.ts` → `dist/lambdas/<name>/index.mjs`: one file with all that it needs, the AWS SDK included. */
const functions = await esbuild.build({
  ...common,
  entryPoints: readdirSync('lambdas', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(`lambdas/${entry.name}/index.ts`))
    .map(({ name }) => ({ in: `lambdas/${name}/index.ts`, out: `${name}/index` })),
  // Lambda runs 24; an emulator runs whatever is installed, and we promise 20.
  target: 'node20',
  outdir: join(out, 'lambdas'),
  outExtension: { '.js': '.mjs' },
  // Parts of the SDK are CommonJS and call require.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  plugins: [inlineZstd],
  loader: { '.wasm': 'binary' },
  minifySyntax: true,
  minifyWhitespace: true,
  // Beside the bundle, and left out of what is uploaded.
  sourcemap: 'external',
});

// What earlier builds left behind; a folder of somebody else's may hold anything.
if (out !== 'dist') process.exit(0);
const built = new Set(
  [local, functions].flatMap(({ metafile }) => Object.keys(metafile.outputs)).map((path) => resolve(path)),
);
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const path = resolve(entry.parentPath, entry.name);
  if (entry.isFile() && !built.has(path)) rmSync(path);
}
for (const name of existsSync('dist/lambdas') ? readdirSync('dist/lambdas') : []) {
  if (readdirSync(`dist/lambdas/${name}`).length === 0) rmSync(`dist/lambdas/${name}`, { recursive: true });
}
