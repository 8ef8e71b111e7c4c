// Bundles the command line and the journal's worker. Runs on `npm ci` too, where with --omit=dev esbuild is absent.
const esbuild = await import('esbuild').catch(() => null);
if (!esbuild) process.exit(0);

const ENTRIES = { headwater: 'bin/headwater.ts', 'journal-worker': 'journal/worker.ts' };

await esbuild.build({
  entryPoints: ENTRIES,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outdir: 'dist',
  packages: 'external',
  sourcemap: true,
  logLevel: 'warning',
});
