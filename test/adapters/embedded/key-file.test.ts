import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openKeyRing } from '../../../adapters/embedded/key-file.ts';
import { createManualClock } from '../../../adapters/memory/clock.ts';

describe('the key file', () => {
  let directory = '';
  let path = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'headwater-keys-'));
    path = join(directory, 'private', 'keys.json');
  });
  afterEach(() => rm(directory, { recursive: true }));
  const open = () => openKeyRing(path, createManualClock());

  test('is made with one key that only its owner may read, and opens again with the same keys', async () => {
    const ring = await open();
    const { id, key } = ring.current();
    expect(key).toHaveLength(32);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const next = await ring.rotate();
    expect(next).toBe(id + 1);
    const again = await open();
    expect(again.current().id).toBe(next);
    expect(again.find(id)).toEqual(key);
    expect(again.describe()).toBe(`${path} (keys ${id}, ${next})`);
    await again.retire(new Set());
    expect((await open()).find(id)).toBeUndefined();
    expect((await open()).current().id).toBe(next);
  });

  test('made anew has keys with other ids: they do not pass for those that were lost', async () => {
    const { id } = (await open()).current();
    await rm(path);
    expect((await open()).current().id).not.toBe(id);
  });

  test('is refused while others may read it', async () => {
    await open();
    await chmod(path, 0o640);
    await expect(open()).rejects.toThrow(/has mode 0640, allowed 0600.*chmod 600/);
  });

  test.each([
    ['', 'not JSON'],
    ['{"keys":[]}', 'keys'],
    ['{"keys":[{"id":1,"key":"AAAA","sinceMs":0}]}', 'key 1 has 3 bytes, allowed 32'],
  ])('damaged as %j is refused, and stays as it is', async (text, detail) => {
    await open();
    await writeFile(path, text);
    await expect(open()).rejects.toThrow(`is damaged (${detail}): put it back from a backup`);
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});
