import pino from 'pino';
import type { Logger } from '../../core/ports.ts';
import { openBoundedLines } from './bounded-lines.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MAX_LOG_BYTES = 16 * 1024 * 1024;
const REDACTED = ['key', '*.key', 'password', '*.password'];

/** Structured log lines (JSON) on stderr, for journald or a container's log. */
export const createStderrLogger = (level: LogLevel): Logger =>
  pino({ level, redact: REDACTED }, pino.destination({ dest: 2, sync: true }));

/** Structured log lines (JSON) in `headwater.ndjson` of a directory, the newest 16 to 32 MB. */
export function createFileLogger(level: LogLevel, directory: string): Logger {
  const lines = openBoundedLines(directory, 'headwater.ndjson', MAX_LOG_BYTES);
  const write = (line: string): void => {
    try {
      lines.appendLine(line);
    } catch {
      process.stderr.write(line); // a full disk is just what the operator must hear of
    }
  };
  return pino({ level, redact: REDACTED }, { write });
}
