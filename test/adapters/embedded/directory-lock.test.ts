import { linkSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lockDirectory } from '../../../adapters/embedded/directory-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headwater-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const listening = (name: string, onConnection: (socket: Socket) => void): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer(onConnection).listen(join(directory, name), () => resolve(server));
  });

/** As a killed process leaves it: closing would remove it, so a second name keeps it. */
async function leaveDead(name: string): Promise<void> {
  const path = join(directory, name);
  const dead = await listening(name, () => undefined);
  linkSync(path, `${path}.kept`);
  await new Promise((resolve) => dead.close(resolve));
  renameSync(`${path}.kept`, path);
}

test('one holder at a time, named to the second, and free after release', async () => {
  const first = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toThrow(
    new RegExp(`^${directory} is in use by another process \\(pid ${process.pid} on .+\\): stop it first`),
  );
  await first.release();
  const second = await lockDirectory(directory);
  await second.release();
});

test('nothing is left behind by a refused one, nor after release', async () => {
  const lock = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toThrow('in use');
  expect(readdirSync(directory)).toHaveLength(1);
  await lock.release();
  expect(readdirSync(directory)).toEqual([]);
});

test('of many that try at once one holds it', async () => {
  for (let round = 0; round < 30; round++) {
    const tried = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
    const held = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(held).toHaveLength(1);
    for (const one of tried) if (one.status === 'rejected') expect(String(one.reason)).toContain('is in use');
    await held[0]!.release();
  }
});

// The last is of one that was killed before it was shown, the first that of an earlier version.
test.each(['lock.sock', 'lock-0123456789abcdef.sock', 'lock-0123456789abcdef.new'])(
  '%s whose process died is no lock, and goes',
  async (name) => {
    await leaveDead(name);
    const lock = await lockDirectory(directory);
    expect(readdirSync(directory)).not.toContain(name);
    await lock.release();
  },
);

test('an earlier version that runs holds it', async () => {
  const earlier = await listening('lock.sock', (socket) => socket.end('6f1c0a4e6f1c0a4e6f1c0a4e6f1c0a4e'));
  await expect(lockDirectory(directory)).rejects.toThrow('is in use by another process: stop it first');
  expect(readdirSync(directory)).toEqual(['lock.sock']);
  await new Promise((resolve) => earlier.close(resolve));
});

test('who lives and says nothing holds it', async () => {
  const silent = await listening('lock-0123456789abcdef.sock', () => undefined);
  await expect(lockDirectory(directory, 50)).rejects.toThrow('is in use by another process: stop it first');
  expect(readdirSync(directory)).toEqual(['lock-0123456789abcdef.sock']);
  await new Promise((resolve) => silent.close(resolve));
});

const GREATEST = 'lock-ffffffffffffffff.sock';

/** A rival that steps back when it is asked. */
async function leaveOnceAsked(name: string, andThen: (asking: string) => void): Promise<void> {
  const other = await listening(name, (socket) => {
    rmSync(join(directory, name));
    other.close();
    andThen(readdirSync(directory)[0]!);
    socket.destroy();
  });
}

test('who meets a greater one that steps back goes on under its own name, else under a new one', async () => {
  for (const [name, isSame] of [
    ['lock-0000000000000000.sock', false],
    [GREATEST, true],
  ] as const) {
    let asking: string | undefined;
    await leaveOnceAsked(name, (found) => {
      asking = found;
    });
    const lock = await lockDirectory(directory);
    expect(readdirSync(directory)[0] === asking).toBe(isSame);
    await lock.release();
  }
});

test('whose socket was taken away while it tried shows another before it holds', async () => {
  await leaveOnceAsked(GREATEST, (asking) => rmSync(join(directory, asking)));
  const lock = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toThrow('is in use');
  await lock.release();
});

test('what cannot be asked is named, and is not taken for dead', async () => {
  symlinkSync('lock.sock', join(directory, 'lock.sock')); // a circle: neither dead nor alive
  await expect(lockDirectory(directory)).rejects.toThrow(/lock\.sock.*remove it if no process uses its directory/);
  expect(readdirSync(directory)).toEqual(['lock.sock']);
});

test('release does not wait for who connected and stays', async () => {
  const lock = await lockDirectory(directory);
  const guest = connect({ path: join(directory, readdirSync(directory)[0]!), allowHalfOpen: true });
  guest.on('error', () => undefined);
  await new Promise((resolve) => guest.once('connect', resolve));
  await lock.release();
  guest.destroy();
});
