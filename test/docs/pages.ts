import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the tree, with a slash at its end. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Page {
  /** Relative to the root. */
  path: string;
  text: string;
}

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every Markdown page that is committed at the root and below docs/. */
export function readPages(): Page[] {
  const atRoot = readdirSync(root).filter((name) => name.endsWith('.md'));
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return [...atRoot, ...below].sort().map((path) => ({ path, text: readText(path) }));
}

/** The cells of each row of every table of a page, without head and rule. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1] ?? ''))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const isRule = (line: string): boolean => /^\|[-:|]+\|$/.test(line);

const CODE = ['adapters', 'bin', 'core', 'edge', 'greengrass-components', 'hub', 'journal', 'lambdas'];

/** The TypeScript of what runs, relative to the root. */
export const sourceFiles = (): string[] =>
  CODE.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
