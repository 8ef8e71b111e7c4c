import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { createListenRig, listenPlan } from '../helpers/listen-rig.ts';

/** test/brokers/install-mosquitto.sh installs it. */
const isInstalled = spawnSync('mosquitto_pub', ['--help']).error === undefined;

async function exampleOfTheDocs(): Promise<string> {
  const page = await readFile('docs/listen.md', 'utf8');
  return /<!-- begin example[^>]*-->\s+```sh\n([\s\S]*?)```/.exec(page)![1]!;
}

(isInstalled ? test : test.skip)(
  'the client command of docs/listen.md publishes a reading and has its PUBACK',
  async () => {
    const plan = listenPlan({ level: {} }, { topic: 'plant/{device}/{stream}' }, { name: 'pump', count: 2 });
    const rig = await createListenRig([plan]);
    try {
      const script = (await exampleOfTheDocs())
        .replace('listener/NODE', 'listener/node')
        .replace('-h node.plant.example', '-h 127.0.0.1')
        .replace('-p 8884', `-p ${rig.port}`);
      const client = spawn('sh', ['-e', '-c', script], { cwd: rig.folder, stdio: ['ignore', 'inherit', 'inherit'] });
      const [code] = await once(client, 'close');
      expect(code).toBe(0);
      expect(rig.readings()).toEqual([['pump-001', 'level', 21.5]]);
    } finally {
      await rig.dispose();
    }
  },
);
