import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../bin/package-root.ts';

/** The product as built: `npm run build` makes both. */
export const JOURNAL_WORKER = pathToFileURL(join(packageRoot(), 'dist/journal-worker.js'));
export const COMMAND = join(packageRoot(), 'bin/headwater.js');
