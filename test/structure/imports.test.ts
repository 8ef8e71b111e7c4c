import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Who may import whom (docs/architecture.md). Wiring files are listed by name: only they see adapters. */
const ALLOWED: Record<string, readonly string[]> = {
  core: ['core'],
  journal: ['core', 'journal'],
  'journal/worker.ts': ['core', 'journal', 'adapters'],
  'greengrass-components': ['core', 'journal', 'greengrass-components'],
  lambdas: ['core', 'lambdas'],
  ...Object.fromEntries(
    ['ingest', 'aggregate', 'sweep', 'compare'].map((name) => [
      `lambdas/${name}/index.ts`,
      ['core', 'lambdas', 'adapters'],
    ]),
  ),
  adapters: ['core', 'adapters'],
  lib: ['core', 'lambdas', 'lib'],
  edge: ['core', 'journal', 'greengrass-components', 'edge'],
  'edge/plain-node.ts': ['core', 'journal', 'greengrass-components', 'edge', 'adapters'],
  hub: ['core', 'lambdas', 'adapters', 'hub'],
  bin: ['core', 'journal', 'edge', 'hub', 'adapters', 'bin'],
  'bin/cdk.ts': ['bin', 'core', 'lib'],
};

/** What core may use besides itself: pure functions only. */
const CORE_PACKAGES = ['zod', 'node:buffer', 'node:zlib'];

const folderOf = (file: string): string => file.split('/')[0]!;

async function imports(): Promise<{ from: string; to: string; external: boolean }[]> {
  const entryPoints = Object.keys(ALLOWED)
    .filter((name) => !name.endsWith('.ts'))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    );
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    bundle: true,
    write: false,
    outdir: 'unused',
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
  });
  return Object.entries(metafile.inputs).flatMap(([from, input]) =>
    input.imports.map(({ path, external }) => ({ from, to: path, external: external ?? false })),
  );
}

const found = await imports();

test('imports go one way', () => {
  const wrong = found
    .filter(({ external }) => !external)
    .filter(({ from, to }) => !(ALLOWED[from] ?? ALLOWED[folderOf(from)] ?? []).includes(folderOf(to)))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(wrong).toEqual([]);
  expect(found.length).toBeGreaterThan(200);
});

test('core is pure: no disk, no network, no clock, no process', () => {
  const wrong = found
    .filter(({ from, external }) => external && folderOf(from) === 'core')
    .filter(({ to }) => !CORE_PACKAGES.includes(to))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(wrong).toEqual([]);
});

test('no file imports itself in a circle', () => {
  const edges = new Map<string, string[]>();
  for (const { from, to, external } of found) if (!external) edges.set(from, [...(edges.get(from) ?? []), to]);
  expect(circleIn(edges)).toEqual([]);
});

/** The files of one circle, if there is any. */
function circleIn(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const next of edges.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle.length > 0) return circle;
    }
    done.add(file);
    return [];
  };
  for (const file of edges.keys()) {
    const circle = visit(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
