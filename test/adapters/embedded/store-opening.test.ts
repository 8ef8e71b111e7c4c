import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { coldNames, positionsIn, threeDays } from '../../helpers/cold-rows.ts';
import { envelopeOf } from '../../helpers/envelopes.ts';
import { changeOf } from '../../helpers/store-change.ts';
import { openStore, withDirectory } from '../../helpers/stores.ts';

describe('opening a store', () => {
  test('removes what the database does not name, and nothing else', () =>
    withDirectory(async (directory) => {
      const first = await openStore(directory);
      await first.commit(changeOf(threeDays));
      await first.seal();
      const kept = await coldNames(first);
      await first.close();
      await writeFile(join(first.cold, 'seal-2-2025-01-01.tmp'), 'half');
      await mkdir(join(first.cold, 'dt=2025-02-01'));
      await writeFile(join(first.cold, 'dt=2025-02-01', 'part-000000002.parquet'), 'unnamed');
      const second = await openStore(directory);
      expect(await coldNames(second)).toEqual(kept);
      expect(await positionsIn(second, directory)).toEqual([0, 1, 2, 3, 4, 5]);
      await second.close();
    }));

  test('fails naming the files that are missing, and removes none', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      await store.commit(changeOf(threeDays));
      await store.seal();
      await store.close();
      await rm(join(store.cold, 'dt=2025-01-02'), { recursive: true });
      await expect(openStore(directory)).rejects.toThrow('1 stored files are missing: dt=2025-01-02/part-000000001');
      expect(await coldNames(store)).toHaveLength(2);
    }));

  test('never takes the files of a lost database for leftovers', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      await store.commit(changeOf(threeDays));
      await store.seal();
      await store.close();
      await rm(join(directory, 'hub.duckdb'));
      for (let attempt = 1; attempt <= 2; attempt++) {
        await expect(openStore(directory)).rejects.toThrow('the database beside it is new');
        expect(await coldNames(store)).toHaveLength(3);
      }
    }));

  test('is refused while another hub has the directory', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      await expect(openStore(directory)).rejects.toThrow(`another hub is running on ${directory}`);
      await store.close();
      await (await openStore(directory)).close();
    }));

  test('is refused while a hub in another process has it', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      const script = fileURLToPath(new URL('../../helpers/open-store.ts', import.meta.url));
      const run = promisify(execFile)(process.execPath, ['--import', 'tsx', script, directory]);
      await expect(run).rejects.toThrow(`another hub is running on ${directory}`);
      await store.commit(changeOf(envelopeOf(0, 1)));
      await store.close();
    }));

  test('is refused where the path would be read as a pattern', async () => {
    await expect(openStore('/tmp/data[1]')).rejects.toThrow('data directory /tmp/data[1]: * ? [ ] are not allowed');
  });

  test('a new store is another far side', () =>
    withDirectory((one) =>
      withDirectory(async (two) => {
        const stores = [await openStore(one), await openStore(two)];
        expect(stores[0]!.id).not.toBe(stores[1]!.id);
        expect(stores[0]!.id).toMatch(/^[0-9a-f]{32}$/);
        for (const store of stores) await store.close();
      }),
    ));
});
