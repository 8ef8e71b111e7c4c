import type { Logger } from '../../core/ports.ts';

const quiet = (): void => undefined;
const tell = (fields: object, message: string): void =>
  void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);

/** What goes wrong in a measured run is seen; the rest would cost time. */
export const warningsOnly: Logger = { debug: quiet, info: quiet, warn: tell, error: tell };
export const errorsOnly: Logger = { ...warningsOnly, warn: quiet };
