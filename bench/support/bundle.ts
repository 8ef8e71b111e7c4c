import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../../bin/package-root.ts';

export interface Bundle {
  measure: URL;
  remove(): Promise<void>;
}

/**
 * The claims and their helper processes as bundles of the same form as the product: what runs TypeScript directly
 * also changes it a little, and would be measured with it.
 */
export async function bundleClaims(): Promise<Bundle> {
  const root = packageRoot();
  const roles = (await readdir(join(root, 'bench/roles'))).filter((name) => name.endsWith('.ts'));
  const outdir = await mkdtemp(join(root, 'dist', 'bench-'));
  await build({
    absWorkingDir: root,
    entryPoints: {
      measure: 'bench/support/measure.ts',
      ...Object.fromEntries(roles.map((name) => [basename(name, '.ts'), `bench/roles/${name}`])),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outdir,
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
  });
  // The hub looks for its page beside its own code.
  await cp(join(root, 'hub/page'), join(outdir, 'page'), { recursive: true });
  return {
    measure: new URL(`file://${join(outdir, 'measure.js')}`),
    remove: () => rm(outdir, { recursive: true, force: true }),
  };
}
