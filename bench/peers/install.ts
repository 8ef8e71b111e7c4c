import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BETTER_SQLITE3, findNats, findSqlite, NATS_SERVER, PEERS } from '../support/peers.ts';

/**
 * Installs what the benches compare with into a folder of their own: nothing of it is a dependency of the product.
 * What cannot be installed is left out with a line; the benches then leave out its rows and say so.
 */
const DEADLINE_MS = 15 * 60_000;

mkdirSync(join(PEERS, 'bin'), { recursive: true });
writeFileSync(
  join(PEERS, 'package.json'),
  JSON.stringify({
    private: true,
    description: 'peers of the benches',
    // Its install script compiles or fetches the database itself.
    allowScripts: { 'better-sqlite3': true },
  }),
);

if (!findSqlite().ok) {
  // Where the headers of this Node are installed with it, the compiler need not fetch them.
  const nodedir = dirname(dirname(process.execPath));
  install('npm', ['install', '--no-audit', '--no-fund', `better-sqlite3@${BETTER_SQLITE3}`], {
    npm_config_nodedir: nodedir,
  });
}
tell('better-sqlite3', findSqlite());
if (!findNats().ok) {
  install('go', ['install', `github.com/nats-io/nats-server/v2@${NATS_SERVER}`], { GOBIN: join(PEERS, 'bin') });
}
tell('nats-server', findNats());

function install(command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const { error, status } = spawnSync(command, args, {
    cwd: PEERS,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: DEADLINE_MS,
  });
  if (error || status !== 0) process.stderr.write(`${command}: ${error?.message ?? `ended with code ${status}`}\n`);
}

function tell(name: string, found: { ok: boolean; reason?: string }): void {
  process.stdout.write(found.ok ? `${name}: ready\n` : `${name}: left out: ${found.reason}\n`);
}
