import type { FileSourceConfig } from '../../core/fleet.ts';

type TimeFormat = NonNullable<FileSourceConfig['time']>['format'];

/** RFC 3339 with what files really hold: a space for the T, no seconds, no zone, or only a date. */
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/**
 * ms since 1970 of a time as it stands in a file. What is none is handed on as it is, so that the border refuses it.
 *
 * @example fileTime('2015-02-02 14:19:00', 'iso') // 1422886740000: without a zone it is UTC
 */
export function fileTime(written: unknown, format: TimeFormat): unknown {
  if (format === 'iso') return typeof written === 'string' ? (isoTime(written.trim()) ?? written) : written;
  const number = typeof written === 'string' && written.trim() !== '' ? Number(written) : written;
  if (typeof number !== 'number' || !Number.isFinite(number)) return written;
  return format === 'epoch-s' ? Math.round(number * 1_000) : number;
}

function isoTime(text: string): number | undefined {
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as SixNumbers;
  const ms = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  // Date.UTC rolls 30 February over into March.
  const date = new Date(utc);
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!real || hour > 23 || minute > 59 || second > 59) return undefined;
  return utc - zoneMs(match[8]);
}

type SixNumbers = [number, number, number, number, number, number];

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}
