import { readFile, writeFile } from 'node:fs/promises';
import { ROLE_TABLE } from '../lib/role-table.ts';
import { withBlock } from './make/marked-block.ts';
import { roleTable } from './make/role-table.ts';

/** Writes the table of docs/security.md from lib/role-table.ts. */
const page = new URL('./security.md', import.meta.url);
const text = await readFile(page, 'utf8');
await writeFile(page, withBlock(text, 'roles', `\n${roleTable(ROLE_TABLE)}\n`));
