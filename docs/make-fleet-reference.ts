import { readFile, writeFile } from 'node:fs/promises';
import { fleetJsonSchema } from '../core/fleet.ts';
import { fleetReference, type JsonSchema } from './make/fleet-reference.ts';
import { withBlock } from './make/marked-block.ts';

/** Writes the tables of docs/fleet-file.md from the schema of the fleet file. */
const page = new URL('./fleet-file.md', import.meta.url);
const text = await readFile(page, 'utf8');
await writeFile(page, withBlock(text, 'keys', `\n${fleetReference(fleetJsonSchema() as JsonSchema)}\n`));
