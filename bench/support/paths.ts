import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../bin/package-root.ts';

/** A file of this package, wherever the bundle lies. */
export const packageFile = (path: string): URL => pathToFileURL(join(packageRoot(), path));
/** The product as built: `npm run build` makes both. */
export const JOURNAL_WORKER = packageFile('dist/journal-worker.js');
export const COMMAND = join(packageRoot(), 'bin/headwater.js');
