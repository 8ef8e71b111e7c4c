import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Lines of JSON in two generations of a file, so that the newest `maxBytes` at least are kept and no more than twice that. */
export interface BoundedLines {
  /** @throws if the disk refuses */
  append(entry: object): void;
  /** A line that is JSON already and ends with a line feed. */
  appendLine(line: string): void;
}

const LINE_FEED = 10;
const olderOf = (name: string): string => `older-${name}`;

/** @param name of the file in the directory, which is made if absent */
export function openBoundedLines(directory: string, name: string, maxBytes: number): BoundedLines {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, name);
  let bytes = existsSync(path) ? statSync(path).size : 0;
  // A crash may have cut off the last line: the next one must not be glued to it.
  if (bytes > 0 && readFileSync(path).at(-1) !== LINE_FEED) {
    appendFileSync(path, '\n');
    bytes++;
  }
  const appendLine = (line: string): void => {
    const size = Buffer.byteLength(line);
    if (bytes > 0 && bytes + size > maxBytes) {
      rmSync(join(directory, olderOf(name)), { force: true });
      renameSync(path, join(directory, olderOf(name)));
      bytes = 0;
    }
    appendFileSync(path, line, { mode: 0o600 });
    bytes += size;
  };
  return { appendLine, append: (entry) => appendLine(`${JSON.stringify(entry)}\n`) };
}

/** Everything that is kept, oldest first; a line cut off by a crash is left out. */
export function readBoundedLines<Entry>(directory: string, name: string): Entry[] {
  return [olderOf(name), name].flatMap((file) => {
    const path = join(directory, file);
    return existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .flatMap(parseLine<Entry>)
      : [];
  });
}

function parseLine<Entry>(line: string): Entry[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as Entry];
  } catch {
    return [];
  }
}
