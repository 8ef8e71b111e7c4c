import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Page, readPages, readText, root, sourceFiles } from './pages.ts';

const pages = readPages();
/** Code blocks hold examples, not links. */
const proseOf = ({ text }: Page): string => text.replace(/```[\s\S]*?```/g, '');

test('there are pages to check', () => {
  expect(pages.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'docs/architecture.md']));
});

test.each(pages)('links of $path lead somewhere', (page) => {
  const broken = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => !leadsSomewhere(page, target));
  expect(broken).toEqual([]);
});

function leadsSomewhere(page: Page, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page.path : join(dirname(page.path), file);
  if (!existsSync(join(root, path))) return false;
  return anchor === undefined || anchorsOf(readText(path)).includes(anchor);
}

/** As GitHub makes them from headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

test.each(pages)('files named in $path exist', (page) => {
  const named = [...page.text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|js|mjs|yaml|md))`/g)].map(([, path]) => path!);
  const placeholders = /NAME|NNNN/;
  expect(named.filter((path) => !placeholders.test(path) && !existsSync(join(root, path)))).toEqual([]);
});

/** `createX` in `path/x.ts`, and the same as two cells of a table side by side. */
const NAMED = /`(\w+)`(?: and `(\w+)`)?\s+(?:in|\|)\s+`([\w./-]+\.ts)`/g;

test.each(pages)('functions named in $path stand in the file that it says', (page) => {
  const missing = [...page.text.matchAll(NAMED)].flatMap(([, first, second, path]) =>
    [first, second].filter((name) => name !== undefined && !declares(path!, name)).map((name) => `${name} in ${path}`),
  );
  expect(missing).toEqual([]);
});

const declares = (path: string, name: string): boolean =>
  existsSync(join(root, path)) &&
  new RegExp(`^(?:export )?(?:async )?(?:function|const|interface|type) ${name}\\b`, 'm').test(readText(path));

test('the architecture names enough of the code to be worth checking', () => {
  const { text } = pages.find(({ path }) => path === 'docs/architecture.md')!;
  expect([...text.matchAll(NAMED)].length).toBeGreaterThan(25);
});

test('comments that name a page name one that exists', () => {
  const named = sourceFiles().flatMap((path) =>
    [...readText(path).matchAll(/docs\/[\w./-]+\.(?:md|svg)/g)].map(([page]) => ({ path, page })),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ page }) => !existsSync(join(root, page)))).toEqual([]);
});
