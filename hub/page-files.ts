import { existsSync, readFileSync } from 'node:fs';

export interface PageFile {
  path: string;
  contentType: string;
  body: string;
}

const FILES = [
  { path: '/', file: 'index.html', contentType: 'text/html; charset=utf-8' },
  { path: '/page.css', file: 'page.css', contentType: 'text/css; charset=utf-8' },
  { path: '/page.js', file: 'page.js', contentType: 'text/javascript; charset=utf-8' },
] as const;

/**
 * The files of the status page, read once.
 *
 * @throws Error naming the folders looked in
 */
export function readPageFiles(): PageFile[] {
  const folder = findPage();
  return FILES.map(({ path, file, contentType }) => ({
    path,
    contentType,
    body: readFileSync(new URL(file, folder), 'utf8'),
  }));
}

/** Beside this module in the sources; from dist/headwater.js in the package. */
function findPage(): URL {
  const candidates = ['./page/', '../hub/page/'].map((path) => new URL(path, import.meta.url));
  const found = candidates.find((folder) => existsSync(new URL('index.html', folder)));
  if (!found) throw new Error(`the status page is missing: looked in ${candidates.map(String).join(', ')}`);
  return found;
}
