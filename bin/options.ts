import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../core/duration.ts';

/** Parsers of option values; each error names what is allowed, commander names what was seen. */

/** `30s` → 30000 ms; more than zero. */
export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('Expected a duration such as 500ms, 30s, 5m or 1h.');
  return ms;
}

export const MAX_SPEED = 100_000;

/** `60x` or `60` → 60; 1 to 100000. */
export function speedOption(text: string): number {
  const speed = /^\d+(?:\.\d+)?x?$/.test(text) ? Number(text.replace('x', '')) : Number.NaN;
  if (!(speed >= 1 && speed <= MAX_SPEED)) {
    throw new InvalidArgumentError(`Expected a factor such as 1x, 60x or 3600x, from 1x to ${MAX_SPEED}x.`);
  }
  return speed;
}

/** `3` → 3; a whole number from 1. */
export function positiveIntOption(text: string): number {
  const number = wholeNumber(text);
  if (!(number >= 1)) throw new InvalidArgumentError('Expected a whole number from 1.');
  return number;
}

/** `8080` → 8080; 0 = any free port. */
export function portOption(text: string): number {
  const number = wholeNumber(text);
  if (!isPort(number)) throw new InvalidArgumentError(`Expected a port from ${PORTS}; 0 is any free port.`);
  return number;
}

const PORTS = '0 to 65535';
const isPort = (number: number): boolean => number >= 0 && number <= 65_535;

function wholeNumber(text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return number;
}

/**
 * `host`, `host:port` or `[address]:port`.
 *
 * @param name of the option, for the message
 * @throws Error if it is none of these
 */
export function hostAndPort(name: string, text: string): { host: string; port: number | undefined } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  if (!match) throw new Error(`${name} ${text}: expected host or host:port`);
  const port = match[3] === undefined ? undefined : wholeNumber(match[3]);
  if (port !== undefined && !isPort(port))
    throw new Error(`${name} ${text}: the port is ${match[3]}, allowed ${PORTS}`);
  return { host: (match[1] ?? match[2])!, port };
}

const DATE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** `2026-05-04`, `2026-05-04T06:00` (UTC) or with an offset → ms since 1970 UTC. */
export function timeOption(text: string): number {
  const match = DATE.exec(text);
  const complete = match?.[1] === undefined && text.length > 10 ? `${text}Z` : text;
  const ms = match ? Date.parse(complete.replace(' ', 'T')) : Number.NaN;
  // The 31st of February would be the 3rd of March.
  const isDay = !Number.isNaN(ms) && new Date(text.slice(0, 10)).toISOString().startsWith(text.slice(0, 10));
  if (!isDay) throw new InvalidArgumentError('Expected a time such as 2026-05-04T06:00Z, or a day.');
  return ms;
}
