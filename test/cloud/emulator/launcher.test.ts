import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CreateTopicRuleCommand } from '@aws-sdk/client-iot';
import { expect, test } from '@jest/globals';
import { readCloud } from '../cloud.ts';
import { createClients } from '../helpers/clients.ts';
import { refuseUnimplemented } from './log.ts';
import { startEmulator } from './start.ts';

const LAUNCHER = resolve(import.meta.dirname, 'headwater_emulator.py');
const { python, log, endpoint, mqttPort } = readCloud();

test('another version of ministack is refused, with what to do', async () => {
  const pretend = [
    'import importlib.metadata, runpy, sys',
    'importlib.metadata.version = lambda name: "1.5.34"',
    `sys.argv = ["launcher", "/nowhere"]`,
    `runpy.run_path(${JSON.stringify(LAUNCHER)}, run_name="__main__")`,
  ].join('\n');
  const refusal = promisify(execFile)(python, ['-c', pretend]);
  await expect(refusal).rejects.toThrow(/ministack is 1\.5\.34, but .* written for 1\.5\.33: install/);
});

test.each([
  { what: 'AWS APIs', port: Number(new URL(endpoint).port) },
  { what: 'devices', port: mqttPort },
])('other machines do not reach it: $what', async ({ port }) => {
  const reach = async (host: string): Promise<void> => {
    const socket = connect(port, host);
    await once(socket, 'connect');
    socket.destroy();
  };
  await reach('127.0.0.1');
  // Who listens on every address listens on this one too.
  await expect(reach('127.0.0.2')).rejects.toThrow();
});

test('it says at its start what it only accepts', async () => {
  const said = await readFile(log, 'utf8');
  const types: Record<string, string> = JSON.parse(
    await readFile(resolve(import.meta.dirname, 'template-types.json'), 'utf8'),
  );
  const partly = Object.entries(types).filter(([, does]) => does !== 'simulated');
  expect(partly.length).toBeGreaterThan(0);
  for (const [type, does] of partly) expect(said).toContain(`${type}: ${does}`);
});

test('an SQL function that it does not know fails a run; its end leaves no process and no file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-launcher-'));
  const emulator = await startEmulator(python, directory);
  const { iot } = createClients(emulator.endpoint);
  try {
    await refuseUnimplemented(emulator.log);
    await iot.send(
      new CreateTopicRuleCommand({
        ruleName: 'unknown_function',
        topicRulePayload: { sql: "SELECT concat('a', 'b') AS c FROM 'x'", actions: [] },
      }),
    );
    await expect(refuseUnimplemented(emulator.log)).rejects.toThrow(/unknown_function calls concat/);
  } finally {
    await emulator.stop();
  }
  expect(existsSync(directory)).toBe(false);
  await expect(fetch(emulator.endpoint)).rejects.toThrow();
});
