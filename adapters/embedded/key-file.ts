import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { createKeyRing, type KeyRing, type KeyStore, type RingKey } from '../../core/key-ring.ts';
import type { Clock } from '../../core/ports.ts';
import { makePrivateDirectory, syncDirectory, writeDurably } from './durable-file.ts';

const KEY_BYTES = 32;
const keyFile = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        id: z.int().min(1),
        key: z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
        sinceMs: z.number(),
      }),
    )
    .min(1),
});

/**
 * The node's keys in a file that only its owner may read; made, with one key, if it is not there. It does not stop a thief
 * who takes the disk: key and data lie on it together.
 *
 * @throws if others may read the file, or it is damaged: it is never made anew over an old one
 */
export const openKeyRing = (path: string, clock: Pick<Clock, 'wallMs'>): Promise<KeyRing> =>
  createKeyRing(keyFileAt(path), { clock, randomBytes });

function keyFileAt(path: string): KeyStore {
  return {
    place: path,
    async load() {
      const text = await readPrivate(path);
      return text === undefined ? undefined : parseKeys(path, text);
    },
    async save(keys) {
      await makePrivateDirectory(dirname(path));
      const entries = keys.map(({ id, key, sinceMs }) => ({ id, key: Buffer.from(key).toString('base64'), sinceMs }));
      await writeDurably(path, `${JSON.stringify({ keys: entries }, undefined, 2)}\n`, 0o600);
      await syncDirectory(dirname(path));
    },
  };
}

async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const mode = (await stat(path)).mode & 0o777;
    // Windows knows no such modes; there the directory's access list is what counts.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const seen = mode.toString(8).padStart(4, '0');
      throw new Error(
        `key file ${path} has mode ${seen}, allowed 0600: others may have read the keys. chmod 600 it, then rotate them`,
      );
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseKeys(path: string, text: string): RingKey[] {
  const problem = (detail: string): Error =>
    new Error(
      `key file ${path} is damaged (${detail}): put it back from a backup; without it the journal cannot be read`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem('not JSON'); // the parser's own words would quote the keys
  }
  const parsed = keyFile.safeParse(value);
  if (!parsed.success) throw problem(parsed.error.issues.map((issue) => issue.path.join('.') || issue.code).join(', '));
  const { keys } = parsed.data;
  for (const [at, { id, key }] of keys.entries()) {
    if (key.length !== KEY_BYTES) throw problem(`key ${id} has ${key.length} bytes, allowed ${KEY_BYTES}`);
    if (at > 0 && id <= keys[at - 1]!.id) throw problem(`key ${id} follows key ${keys[at - 1]!.id}, ids must grow`);
  }
  return keys;
}
