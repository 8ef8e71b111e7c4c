import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { controlPath } from '../../../adapters/embedded/control-path.ts';
import { CONTROL_LIMITS, type ControlSocket, openControlSocket } from '../../../adapters/embedded/control-socket.ts';
import { askControlSocket } from '../../../adapters/embedded/control-socket-client.ts';

let directory: string;
let opened: ControlSocket[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-control-test-'));
  opened = [];
});
afterEach(async () => {
  for (const socket of opened) await socket.close();
  await rm(directory, { recursive: true });
});

const echo = async (line: string): Promise<object> => ({ seen: line });
async function open(
  answer: (line: string) => Promise<object> = echo,
  limits: Partial<typeof CONTROL_LIMITS> = {},
  folder = directory,
): Promise<ControlSocket> {
  const socket = await openControlSocket(folder, answer, { ...CONTROL_LIMITS, ...limits });
  opened.push(socket);
  return socket;
}
const ask = (request: object, folder = directory): Promise<unknown> => askControlSocket(folder, request, 10_000);

/** Sends raw text; resolves with everything that came back once the other side has closed. */
const talk = (path: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(text));
    let heard = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      heard += chunk;
    });
    socket.on('error', reject).on('close', () => resolve(heard));
  });

test('a request gets its answer; only the owner can connect', async () => {
  const { path } = await open();
  expect(await ask({ request: 'x' })).toEqual({ seen: '{"request":"x"}' });
  const { mode } = await stat(path);
  expect({ inside: path === join(directory, 'control.sock'), mode: mode & 0o777 }).toEqual({
    inside: true,
    mode: 0o600,
  });
});

test('where no node runs there is no answer: no folder, no socket, a socket that a killed process left', async () => {
  expect(await ask({}, join(directory, 'nothing'))).toBeUndefined();
  expect(await ask({})).toBeUndefined();
  const left = await leaveSocket(controlPath(directory));
  expect((await lstat(left)).isSocket()).toBe(true);
  expect(await ask({})).toBeUndefined();
});

test('a socket that a killed process left is replaced', async () => {
  await leaveSocket(controlPath(directory));
  await open();
  expect(await ask({ a: 1 })).toEqual({ seen: '{"a":1}' });
});

/** A socket file that nobody listens on: node would remove it on close, so it is moved away meanwhile. */
async function leaveSocket(path: string): Promise<string> {
  const { rename } = await import('node:fs/promises');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await rename(path, `${path}.kept`);
  await new Promise((resolve) => server.close(resolve));
  await rename(`${path}.kept`, path);
  return path;
}

test('closing ends it: the file is gone, open connections end, nobody answers', async () => {
  const socket = await open();
  const heard = talk(socket.path, '{"begun":');
  expect(await ask({})).toEqual({ seen: '{}' });
  await socket.close();
  expect(await heard).toBe('');
  expect(existsSync(socket.path)).toBe(false);
  expect(await ask({})).toBeUndefined();
});

test('several lines are answered one after the other, in order, whatever they take', async () => {
  let running = 0;
  const waits = [3, 2, 1];
  const { path } = await open(
    async (line) => {
      expect(++running).toBe(1);
      for (let turn = waits.shift() ?? 0; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      running--;
      return { line };
    },
    { maxRequestBytes: 50 },
  );
  expect(await talk(path, `1\n2\n3\n${'x'.repeat(60)}`)).toMatch(
    /^\{"line":"1"\}\n\{"line":"2"\}\n\{"line":"3"\}\n\{"ok":false,"error":"too-large",.*allowed are 50.*\}\n$/,
  );
});

test.each([
  ['without an end', 'x'.repeat(64)],
  ['with one', `${'x'.repeat(64)}\n`],
])('a request that is too large %s is refused and its client let go', async (_what, text) => {
  const lines: string[] = [];
  const { path } = await open(async (line) => ({ seen: lines.push(line) }), { maxRequestBytes: 64 });
  expect(JSON.parse(await talk(path, text))).toMatchObject({ ok: false, error: 'too-large' });
  expect(lines).toEqual([]);
  expect(await ask({})).toEqual({ seen: 1 });
});

test('who says nothing is let go, and no more than so many are served', async () => {
  const { path } = await open(echo, { idleMs: 20, maxConnections: 1 });
  const idle = talk(path, 'half');
  const tooMany = talk(path, '').catch((error: NodeJS.ErrnoException) => error.code);
  expect(['', 'ECONNRESET', 'EPIPE']).toContain(await tooMany);
  expect(await idle).toBe('');
  expect(await ask({})).toEqual({ seen: '{}' });
});

test('a client hears it if the node ends before it has answered, or takes too long', async () => {
  let reached: () => void = () => undefined;
  const asking = new Promise<void>((resolve) => {
    reached = resolve;
  });
  let slow = true;
  const socket = await open(() => {
    if (!slow) reached();
    return new Promise(() => undefined);
  });
  await expect(askControlSocket(directory, {}, 20)).rejects.toThrow(/did not answer within 0.02 s/);
  slow = false;
  const asked = ask({});
  asked.catch(() => undefined);
  await asking;
  await socket.close();
  await expect(asked).rejects.toThrow(/ended without an answer/);
});

test('a directory of any length will do', async () => {
  const deep = join(directory, 'a'.repeat(120));
  await mkdir(deep);
  const { path } = await open(echo, {}, deep);
  expect(path.length).toBeLessThan(104);
  expect(await ask({ deep: true }, deep)).toEqual({ seen: '{"deep":true}' });
  expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
  await opened.pop()!.close();
  await rmdir(join(path, '..')).catch(() => undefined); // somebody else's sockets may be there
});

test('the socket of a long path lies in a folder of this user alone, or nowhere', async () => {
  const deep = join(directory, 'a'.repeat(120));
  await mkdir(deep);
  const folder = join(controlPath(deep, directory), '..');
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  await chmod(folder, 0o755);
  expect(() => controlPath(deep, directory)).toThrow(/open to others: remove it/);
  await rm(folder, { recursive: true });
  await symlink(deep, folder);
  expect(() => controlPath(deep, directory)).toThrow(/belongs to somebody else/);
});

test('what is no socket of ours is said', async () => {
  await writeFile(controlPath(directory), '');
  expect(await ask({})).toBeUndefined();
});
