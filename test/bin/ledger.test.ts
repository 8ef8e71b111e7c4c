import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
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

test('records without a fate are told in a sentence, and end with exit code 1, though the node is elsewhere', async () => {
  const none = { critical: 0, high: 0, normal: 0, low: 0 };
  const node = {
    node: 'hall-1',
    inFleet: true,
    stated: [],
    far: { node: 'hall-1', lanes: [] },
    lost: { ...none, normal: 16 },
    differences: [{ node: 'hall-1', what: 'normal: records without a fate', left: 16, right: 0 }],
  };
  const other = { ...node, node: 'hall-2', lost: none, differences: [] };
  const hub = createServer((_request, response) => response.end(JSON.stringify({ nodes: [node, other] })));
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  const { path, remove } = await makeTemporaryDirectory();
  const out = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const before = process.exitCode;
  const explain = async (only?: string) => {
    out.mockClear();
    const { port } = hub.address() as AddressInfo;
    await runLedger({ data: path, hub: `http://127.0.0.1:${port}`, explain: true, ...(only && { node: only }) });
    const told = out.mock.calls.map(([text]) => String(text)).join('');
    return [process.exitCode, /16 records of priority normal have no fate/.test(told)];
  };
  try {
    expect(await explain()).toEqual([1, true]);
    expect(await explain('hall-1')).toEqual([1, true]);
    expect(await explain('hall-2')).toEqual([0, false]);
  } finally {
    process.exitCode = before;
    out.mockRestore();
    err.mockRestore();
    await remove();
    await new Promise((resolve) => hub.close(resolve));
  }
});
