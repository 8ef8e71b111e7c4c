import { fork } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../bin/package-root.ts';
import { bundleClaims } from './support/bundle.ts';
import { CLAIMS } from './support/claims.ts';
import { withSection } from './support/document.ts';
import { machineLine } from './support/machine.ts';
import { type Claim, type Section, sectionMarkdown } from './support/section.ts';

const HELP = `Measures what docs/benchmarks.md claims, and rewrites the sections of the claims measured.

Usage: npm run bench [-- ID …]

  ID …     measure only these claims; all others keep their section
  --list   print the claims
  --help   print this

Claims need the build (npm run build) and work in a temporary folder; BENCH_DIR=DIR puts it on another disk.
Recordings are looked for in HEADWATER_SHARED_DATA; without them their rows are left out.
`;

const args = process.argv.slice(2);
if (args.includes('--help')) process.stdout.write(HELP);
else if (args.includes('--list'))
  process.stdout.write(CLAIMS.map(({ id, title }) => `${id.padEnd(14)} ${title}\n`).join(''));
else process.exitCode = await bench(args);

async function bench(ids: readonly string[]): Promise<number> {
  const unknown = ids.filter((id) => !CLAIMS.some((claim) => claim.id === id));
  if (unknown.length > 0) {
    process.stderr.write(`bench: no claim ${unknown.join(', ')}; there are ${CLAIMS.map(({ id }) => id).join(', ')}\n`);
    return 2;
  }
  const bundle = await bundleClaims();
  try {
    let failed = 0;
    for (const claim of CLAIMS.filter(({ id }) => ids.length === 0 || ids.includes(id))) {
      const start = performance.now();
      const section = await measure(bundle.measure, claim).catch((error: Error) => error.message);
      const seconds = ((performance.now() - start) / 1_000).toFixed(1);
      if (typeof section === 'string') {
        failed++;
        process.stderr.write(`${claim.id}: ${section}; its section stays as it was (${seconds} s)\n`);
      } else {
        await rewrite(claim, section);
        process.stdout.write(`${claim.id}: ${section.says} (${seconds} s)\n`);
      }
    }
    return failed === 0 ? 0 : 1;
  } finally {
    await bundle.remove();
  }
}

function measure(bundle: URL, { id }: Claim): Promise<Section> {
  return new Promise((resolve, reject) => {
    const child = fork(bundle, [id], { execArgv: ['--enable-source-maps'] });
    let section: Section | undefined;
    child.on('message', (message) => {
      section = message as Section;
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      section && code === 0 ? resolve(section) : reject(new Error(`ended with code ${code}`)),
    );
  });
}

async function rewrite(claim: Claim, section: Section): Promise<void> {
  const folder = join(packageRoot(), 'docs');
  const file = join(folder, 'benchmarks.md');
  await mkdir(folder, { recursive: true });
  const document = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const body = sectionMarkdown(claim.title, machineLine(new Date()), section);
  await writeFile(
    file,
    withSection(
      document,
      claim.id,
      body,
      CLAIMS.map(({ id }) => id),
    ),
  );
}
