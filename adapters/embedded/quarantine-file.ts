import type { Logger, Quarantine, QuarantineEntry } from '../../core/ports.ts';
import { openBoundedLines, readBoundedLines } from './bounded-lines.ts';

const FILE = 'quarantine.ndjson';
const MAX_BYTES = 1024 * 1024;

/** Refused input of one node, the newest 1 to 2 MB of it; what no longer fits was counted in the ledger all the same. */
export function openQuarantineFile(directory: string, logger: Logger): Quarantine {
  const lines = openBoundedLines(directory, FILE, MAX_BYTES);
  let broken = false;
  return {
    put(entry) {
      try {
        lines.append(entry);
        broken = false;
      } catch (error) {
        // The ledger has counted it; a full disk must not stop the node because of a note to the operator.
        if (!broken) logger.warn({ error: (error as Error).message }, 'quarantine: cannot be written');
        broken = true;
      }
    },
  };
}

/** What the quarantine in a node's directory holds, oldest first. */
export const readQuarantine = (directory: string): QuarantineEntry[] =>
  readBoundedLines<QuarantineEntry>(directory, FILE);
