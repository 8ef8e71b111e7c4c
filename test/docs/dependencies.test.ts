import { describe, expect, test } from '@jest/globals';
import { readText, tableRows } from './pages.ts';

interface Manifest {
  version: string;
  license: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}
const readManifest = (path: string): Manifest => JSON.parse(readText(path)) as Manifest;

const [, atRunTime, forBuilding] = readText('docs/dependencies.md').split(/^## /m);
const manifest = readManifest('package.json');

describe.each([
  ['at run time', atRunTime!, manifest.dependencies],
  ['for building and testing', forBuilding!, manifest.devDependencies],
])('packages %s', (_when, section, declared) => {
  const rows = tableRows(section);

  test('are those of package.json, with their versions', () => {
    expect(Object.fromEntries(rows.map(([name, version]) => [name, version]))).toEqual(declared);
  });

  test.each(rows)('%s %s is installed under that licence (%s)', (name, version, licence) => {
    const installed = readManifest(`node_modules/${name}/package.json`);
    expect({ version: installed.version, licence: installed.license }).toEqual({ version, licence });
  });

  test('each row says when it was released, what it is for, and why it and not another', () => {
    for (const [, , , released, ...words] of rows) {
      expect(released).toMatch(/^20\d\d-(0[1-9]|1[0-2])$/);
      expect(words.map((text) => text.length > 3)).toEqual([true, true]);
    }
  });
});
