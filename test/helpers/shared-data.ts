import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = process.env.HEADWATER_SHARED_DATA ?? resolve(import.meta.dirname, '../../../shared/data');

/**
 * The path of a recording that is kept beside the repository, or undefined where it is absent. Tests of it then say
 * that they were skipped. HEADWATER_SHARED_DATA names another folder.
 */
export function sharedData(name: string): string | undefined {
  const path = join(ROOT, name);
  if (existsSync(path)) return path;
  console.warn(`skipped: ${path} is absent (set HEADWATER_SHARED_DATA to the folder that holds ${name})`);
  return undefined;
}
