import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

// Bundles the command line, the journal's worker and the hub's process for queries. Runs on `npm ci` too, where with
// --omit=dev esbuild is absent.
const esbuild = await import('esbuild').catch(() => null);
if (!esbuild) process.exit(0);

const ENTRIES = {
  headwater: 'bin/headwater.ts',
  'journal-worker': 'journal/worker.ts',
  'query-process': 'hub/query-process.ts',
};

const { metafile } = await esbuild.build({
  entryPoints: ENTRIES,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outdir: 'dist',
  packages: 'external',
  // Commands load what they need when they run: `headwater --help` waits for no broker and no database.
  splitting: true,
  // Flat: whoever starts the worker or the process looks for it beside itself.
  chunkNames: '[name]-[hash]',
  metafile: true,
  sourcemap: true,
  logLevel: 'warning',
});

const built = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync('dist')) {
  if (!built.has(name)) rmSync(join('dist', name), { recursive: true }); // chunks of earlier builds
}
