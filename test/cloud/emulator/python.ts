import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../../..');
const REQUIREMENTS = resolve(import.meta.dirname, 'requirements.txt');

/** The oldest that the pinned DuckDB has a build for. */
const OLDEST = [3, 11] as const;

export type FoundPython = { ok: true; command: string } | { ok: false; reason: string };

/** The machine's Python, if it can make the emulator's environment. */
export async function findPython(command = 'python3'): Promise<FoundPython> {
  const question = 'import sys, venv, ensurepip; print(*sys.version_info[:2])';
  const answer = await run(command, ['-c', question]).catch((error: Error) => error);
  if (answer instanceof Error) {
    return { ok: false, reason: `${command} with venv is needed: ${answer.message.trim().split('\n').at(-1)}` };
  }
  const [major = 0, minor = 0] = answer.stdout.trim().split(' ').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
    ? { ok: true, command }
    : { ok: false, reason: `${command} is ${major}.${minor}, but ${OLDEST.join('.')} or newer is needed` };
}

/**
 * The environment with what requirements.txt pins, made at first and kept in .headwater/. Its name follows from the
 * file's content, and it gets that name only when it is complete: runs may make it at the same time, one of them wins.
 *
 * @param home @default .headwater/ of the repository
 * @returns the path of its Python
 * @throws if pip cannot install; the message is pip's
 */
export async function pythonEnvironment(command: string, home = join(ROOT, '.headwater')): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
    .slice(0, 16);
  const directory = join(home, `python-${hash}`);
  const python = join(directory, 'bin', 'python');
  if (existsSync(python)) return python;

  process.stderr.write("test:cloud: making the emulator's Python environment, once\n");
  const unfinished = `${directory}-${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    await run(command, ['-m', 'venv', unfinished]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
    await run(join(unfinished, 'bin', 'python'), pip, { maxBuffer: 2 ** 24 });
    await rename(unfinished, directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return python;
}
