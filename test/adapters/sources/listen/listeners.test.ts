import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openPki } from '../../../../adapters/embedded/pki.ts';
import { systemClock } from '../../../../adapters/embedded/system-clock.ts';
import { createMemoryAudit, createMemoryLogger } from '../../../../adapters/memory/logger.ts';
import { createListeners } from '../../../../adapters/sources/listen/listeners.ts';
import { makeTemporaryDirectory, until } from '../../../helpers/hub-rig.ts';
import { listenPlan } from '../../../helpers/listen-rig.ts';

test('without credentials, and while the port is taken, it is tried again until it opens', async () => {
  const folder = await makeTemporaryDirectory();
  const logger = createMemoryLogger();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const waits: (() => void)[] = [];
  const after = (_ms: number, go: () => void) => {
    waits.push(go);
    return () => undefined;
  };
  const clock = { ...systemClock, after };
  const plan = listenPlan({ level: {} }, { host: '127.0.0.1', port, credentials: 'keys' });
  const listeners = createListeners(
    { clock, logger, audit: createMemoryAudit() },
    { node: 'node', directory: folder.path },
    [plan],
  );
  const stop = new AbortController();
  const run = listeners.sourceOf(plan).run({ offer: async () => 'committed' }, undefined, stop.signal, {});
  const problems = () => logger.lines.flatMap(({ fields }) => (fields as { problem?: string }).problem ?? []);
  const goOn = () => {
    for (const go of waits.splice(0)) go();
  };
  await until('the credentials are missed', () => problems().length === 1 && waits.length === 1);
  await mkdir(join(folder.path, 'keys'));
  const audit = createMemoryAudit();
  const pki = await openPki(
    { directory: folder.path, nowMs: Date.now, logger, audit },
    { host: 'localhost', nodes: [] },
  );
  const files = { 'ca.crt': pki.hub.ca, 'listener.crt': pki.hub.cert, 'listener.key': pki.hub.key };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder.path, 'keys', name), text)));
  goOn();
  await until('the port is missed', () => problems().length === 2 && waits.length === 1);
  await new Promise((resolve) => taken.close(resolve));
  goOn();
  await until('it is open', () => logger.lines.some(({ message }) => message === 'listener: open'));
  expect(problems()[0]).toContain('headwater provision listener node --fleet FLEET.yaml');
  expect(problems()[1]).toContain(String(port));
  stop.abort();
  await until('it is closed', () => {
    goOn();
    return logger.lines.some(({ message }) => message === 'listener: closed');
  });
  await run;
  await folder.remove();
});
