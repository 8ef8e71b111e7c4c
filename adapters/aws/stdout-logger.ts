import pino from 'pino';
import type { Audit, Logger } from '../../core/ports.ts';

/** Structured log lines (JSON) on stdout, which Lambda takes to CloudWatch Logs. Written at once: a function may be frozen. */
export const createStdoutLogger = (): Logger =>
  pino({ level: 'info', base: null }, pino.destination({ dest: 1, sync: true }));

/** Audit events as log lines with `audit: true`, to be filtered by it. */
export const createLogAudit = (logger: Logger): Audit => ({
  record: (event) => logger.info({ audit: true, ...event }, 'audit'),
});
