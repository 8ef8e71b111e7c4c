import { readFile, writeFile } from 'node:fs/promises';
import { withBlock } from './make/marked-block.ts';
import { priceTable, readPrices } from './make/price-table.ts';

/** Writes the price table of docs/deploy.md from the price file and from what the ingest asks of AWS. */
const page = new URL('./deploy.md', import.meta.url);
await writeFile(page, withBlock(await readFile(page, 'utf8'), 'price', `\n${await priceTable(await readPrices())}\n`));
