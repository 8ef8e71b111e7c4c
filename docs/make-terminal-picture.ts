import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { HubLedger } from '../hub/ledger.ts';
import { withBlock } from './make/marked-block.ts';
import { plainText, terminalLines, terminalSvg } from './make/terminal-screen.ts';

/**
 * Runs what README.md shows and writes what it printed: docs/terminal.svg, and the blocks of README.md. Needs a fresh
 * build, and the ports of small-factory free.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const headwater = join(root, 'bin/headwater.js');
const SHOWN_SECONDS = 30;
const COLUMNS = 100;
const DEADLINE_MS = 30_000;
/** Where README puts the workshop. */
const DATA = ['--data', 'workshop-data'];

const scratch = await mkdtemp(join(tmpdir(), 'headwater-docs-'));
try {
  let page = await readFile(join(root, 'README.md'), 'utf8');
  const { screen, ledger } = await recordFactory();
  await writeFile(join(root, 'docs/terminal.svg'), screen);
  page = withBlock(page, 'ledger', fenced('text', ledger));
  for (const [name, text] of await recordWorkshop(page)) page = withBlock(page, name, text);
  await writeFile(join(root, 'README.md'), page);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** The shipped factory, on something that looks like a terminal. */
async function recordFactory(): Promise<{ screen: string; ledger: string }> {
  const terminal = `data:text/javascript,process.stdout.isTTY=true;process.stdout.columns=${COLUMNS};process.stdout.rows=40`;
  const args = ['start', 'fleets/small-factory.yaml', '--for', `${SHOWN_SECONDS}s`, '--data', join(scratch, 'factory')];
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', terminal, headwater, ...args], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: '1' },
  });
  const lines = terminalLines(stdout);
  const end = lines.findIndex((line) => plainText(line).startsWith('node '));
  if (end < 0) throw new Error(`no ledger in the output of start:\n${stdout}`);
  const screen = lines.slice(0, end);
  while (screen.length > 0 && plainText(screen.at(-1)!) === '') screen.pop();
  return {
    screen: terminalSvg(screen, `headwater start after ${SHOWN_SECONDS} seconds: readings, records, bytes and latency`),
    ledger: `${lines.slice(end).map(plainText).join('\n').trimEnd()}\n`,
  };
}

/** README's own fleet file and recording. */
async function recordWorkshop(page: string): Promise<[string, string][]> {
  for (const [language, file] of [
    ['yaml', 'workshop.yaml'],
    ['csv', 'oven.csv'],
  ]) {
    const text = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
    if (text === undefined) throw new Error(`README.md has no ${language} example`);
    await writeFile(join(scratch, file!), text);
  }
  const running = spawn(
    process.execPath,
    [headwater, 'start', 'workshop.yaml', '--json', '--port', '0', '--mqtt-port', '0', ...DATA],
    { cwd: scratch, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  try {
    await delivered(running);
    const sql = "SELECT ts, device, stream, value, clock FROM records WHERE stream = 'oven-temperature' ORDER BY ts";
    return [
      ['query', await shown('query', sql)],
      ['quarantine', await shown('quarantine', 'list')],
    ];
  } finally {
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await ended;
  }
}

/** Resolves when everything that was read is stored. */
async function delivered(running: ChildProcess): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    if (running.exitCode !== null) throw new Error(`start ended with code ${running.exitCode}`);
    const ledger = await ask('ledger', '--json').then(
      (text) => JSON.parse(text) as HubLedger,
      () => undefined,
    );
    const lanes = ledger?.nodes.flatMap(({ side }) => side?.lanes ?? []) ?? [];
    if (lanes.some(({ enqueued }) => enqueued > 0) && lanes.every(({ waiting }) => waiting === 0)) return;
  }
  throw new Error(`nothing was delivered within ${DEADLINE_MS} ms`);
}

async function ask(...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [headwater, ...args, ...DATA], { cwd: scratch })).stdout;
}

/** The command as a reader types it, and its output. */
async function shown(...args: string[]): Promise<string> {
  const typed = args.map((arg) => (/[\s'*]/.test(arg) ? `"${arg}"` : arg)).join(' ');
  return fenced('console', `$ npx headwater ${typed} ${DATA.join(' ')}\n${await ask(...args)}`);
}

function fenced(language: string, text: string): string {
  return `\n\`\`\`${language}\n${text}\`\`\`\n\n`;
}
