import type { Audit, Clock, Logger } from '../../core/ports.ts';
import { openBoundedLines } from './bounded-lines.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** Who did what: `audit.ndjson` in the directory, the newest 16 to 32 MB. */
export function openAuditFile(directory: string, clock: Clock, logger: Logger): Audit {
  const lines = openBoundedLines(directory, 'audit.ndjson', MAX_BYTES);
  return {
    record(event) {
      try {
        lines.append({ at: new Date(clock.wallMs()).toISOString(), ...event });
      } catch (error) {
        logger.error({ error: (error as Error).message, ...event }, 'audit: cannot be written');
      }
    },
  };
}
