import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runLedger } from '../../bin/running/run-ledger.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';

test('without a hub: says how to have the ledger of the nodes of this machine, if there are any', async () => {
  const { path, remove } = await makeTemporaryDirectory();
  try {
    const noHub = `no hub was ever started on ${path}: start one, or name one with --hub URL`;
    await expect(runLedger({ data: path })).rejects.toThrow(new Error(noHub));
    await mkdir(join(path, 'nodes', 'pump-01'), { recursive: true });
    await expect(runLedger({ data: path })).rejects.toThrow(
      new Error(
        `${noHub}; of the nodes on this machine "headwater ledger --explain --data ${path}" tells without a hub`,
      ),
    );
  } finally {
    await remove();
  }
});
