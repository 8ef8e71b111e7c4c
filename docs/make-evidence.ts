import { readFile, writeFile } from 'node:fs/promises';
import { evidenceTable } from './make/evidence.ts';
import { withBlock } from './make/marked-block.ts';

/** Writes the table of docs/evidence.md. */
const page = new URL('./evidence.md', import.meta.url);
await writeFile(page, withBlock(await readFile(page, 'utf8'), 'evidence', `\n${evidenceTable()}\n`));
