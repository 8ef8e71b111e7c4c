import type { Logger } from '../../core/ports.ts';

/** Warnings and errors of a run, so that a screen can point at them: a log that nobody opens helps nobody. */
export interface Troubles {
  count: number;
  last: string | undefined;
}

/** The same logger, with its warnings and errors counted. */
export function watchTroubles(logger: Logger): { logger: Logger; troubles: Troubles } {
  const troubles: Troubles = { count: 0, last: undefined };
  const note = (fields: object, message: string): void => {
    troubles.count++;
    troubles.last = [message, ...SHOWN.flatMap((key) => textIn(fields, key))].join(' · ');
  };
  return {
    troubles,
    logger: {
      debug: (fields, message) => logger.debug(fields, message),
      info: (fields, message) => logger.info(fields, message),
      warn: (fields, message) => {
        note(fields, message);
        logger.warn(fields, message);
      },
      error: (fields, message) => {
        note(fields, message);
        logger.error(fields, message);
      },
    },
  };
}

/** What says where and why; the rest is in the log. */
const SHOWN = ['node', 'client', 'source', 'path', 'reason', 'detail', 'error'] as const;

function textIn(fields: object, key: string): string[] {
  const value = (fields as Record<string, unknown>)[key];
  return typeof value === 'string' ? [`${key} ${value}`] : [];
}
