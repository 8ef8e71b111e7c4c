/** What a stream carries. Arrays, spectra and log lines join with the issues that execute them. */
export const STREAM_KINDS = ['number', 'boolean', 'text'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

export const QUALITIES = ['good', 'uncertain', 'bad'] as const;
export type Quality = (typeof QUALITIES)[number];

/** Whether the clock that stamped the reading could be trusted (docs/adr/0004-time.md). */
export const CLOCKS = ['synced', 'unsynced'] as const;
export type ClockState = (typeof CLOCKS)[number];

/** `null` only with quality `bad`. Numbers are finite float64. */
export type Value = number | boolean | string | null;

/** One value of one stream of one device at one time (ms since 1970-01-01 UTC), checked. */
export interface Reading {
  device: string;
  stream: string;
  ts: number;
  value: Value;
  quality: Quality;
  clock: ClockState;
}

/** What a source hands over: nothing about it is trusted yet. */
export interface RawReading {
  device: string;
  stream: string;
  /** ms since 1970; absent = the time of arrival. */
  ts?: unknown;
  value: unknown;
  quality?: unknown;
  /** Where it came from, for the operator who reads the quarantine: `office.csv line 17`. */
  origin?: string;
}

export const READING_REFUSALS = [
  'unparsable',
  'unknown-device',
  'unknown-stream',
  'wrong-kind',
  'not-a-number',
  'not-finite',
  'not-exact',
  'no-value',
  'no-time',
  'absurd-time',
  'too-large',
  'journal-full',
  'journal-failed',
] as const;
/** Why a reading was refused. The last two are the node's own trouble: see `fleet.nodes[].journal`. */
export type ReadingRefusal = (typeof READING_REFUSALS)[number];

export const MAX_TEXT_BYTES = 1_024;
export const EARLIEST_TIME_MS = Date.UTC(2000, 0, 1);
export const MAX_AHEAD_MS = 24 * 3_600_000;
/** 9999-12-31: beyond it no store and no calendar of this trade goes, whatever the clock says. */
export const LATEST_TIME_MS = Date.UTC(9999, 11, 31);

export type CheckedReading = { ok: true; reading: Reading } | { ok: false; reason: ReadingRefusal; detail: string };

/** The border's view of time: `synced` false means that `nowMs` itself is not to be trusted. */
export interface BorderClock {
  nowMs: number;
  clock: ClockState;
}

/**
 * Turns what a source handed over into a reading, or says why it cannot be one.
 *
 * @param kind the declared kind of the stream; undefined = the stream is not declared on this device
 */
export function checkReading(raw: RawReading, kind: StreamKind | undefined, border: BorderClock): CheckedReading {
  if (kind === undefined) return refuse('unknown-stream', `stream ${show(raw.stream)} of device ${show(raw.device)}`);
  const quality = raw.quality === undefined ? 'good' : raw.quality;
  if (!isQuality(quality)) return refuse('wrong-kind', `quality ${show(raw.quality)}, allowed ${QUALITIES.join(', ')}`);
  const time = checkTime(raw.ts, border);
  if (!time.ok) return time;
  const value = checkValue(raw.value, kind, quality);
  if (!value.ok) return value;
  const { device, stream } = raw;
  const clock = stampedBy(raw, border);
  return { ok: true, reading: { device, stream, ts: time.ts, value: value.value, quality, clock } };
}

/** A time that the source gave does not depend on the node's clock. */
const stampedBy = (raw: RawReading, border: BorderClock): ClockState =>
  raw.ts === undefined ? border.clock : 'synced';

function checkTime(
  ts: unknown,
  border: BorderClock,
): { ok: true; ts: number } | Extract<CheckedReading, { ok: false }> {
  if (ts === undefined) return { ok: true, ts: border.nowMs };
  if (typeof ts !== 'number' || !Number.isFinite(ts))
    return refuse(
      'no-time',
      `time ${show(ts)} is not what the source's time format says (iso: 2025-03-01T08:00:00Z; epoch-ms; epoch-s)`,
    );
  const whole = Math.trunc(ts);
  if (whole < EARLIEST_TIME_MS) return refuse('absurd-time', `time ${isoOf(whole)} is before 2000-01-01`);
  if (whole > LATEST_TIME_MS) return refuse('absurd-time', `time ${isoOf(whole)} is after 9999-12-31`);
  // An unsynchronised clock cannot judge the future (docs/adr/0004-time.md).
  if (border.clock === 'synced' && whole > border.nowMs + MAX_AHEAD_MS) {
    return refuse('absurd-time', `time ${isoOf(whole)} is more than 24 h ahead of ${isoOf(border.nowMs)}`);
  }
  return { ok: true, ts: whole };
}

function checkValue(
  value: unknown,
  kind: StreamKind,
  quality: Quality,
): { ok: true; value: Value } | Extract<CheckedReading, { ok: false }> {
  if (value === null || value === undefined) {
    return quality === 'bad' ? { ok: true, value: null } : refuse('no-value', 'null is allowed only with quality bad');
  }
  switch (kind) {
    case 'number':
      return checkNumber(value);
    case 'boolean':
      return typeof value === 'boolean'
        ? { ok: true, value }
        : refuse('wrong-kind', `value ${show(value)}, expected true or false`);
    case 'text':
      if (typeof value !== 'string') return refuse('wrong-kind', `value ${show(value)}, expected text`);
      if (!value.isWellFormed()) return refuse('wrong-kind', 'text is not well-formed Unicode');
      if (Buffer.byteLength(value) > MAX_TEXT_BYTES) {
        return refuse('too-large', `text of ${Buffer.byteLength(value)} bytes, allowed ${MAX_TEXT_BYTES}`);
      }
      return { ok: true, value };
  }
}

function checkNumber(value: unknown): { ok: true; value: number } | Extract<CheckedReading, { ok: false }> {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return BigInt(number) === value && Number.isSafeInteger(number)
      ? { ok: true, value: number }
      : refuse('not-exact', `integer ${value} is beyond 2^53; declare the stream as text to keep it`);
  }
  if (typeof value !== 'number') return refuse('not-a-number', `value ${show(value)}, expected a number`);
  if (!Number.isFinite(value)) return refuse('not-finite', `value ${value}`);
  return { ok: true, value };
}

function isQuality(value: unknown): value is Quality {
  return QUALITIES.includes(value as Quality);
}

function refuse(reason: ReadingRefusal, detail: string): { ok: false; reason: ReadingRefusal; detail: string } {
  return { ok: false, reason, detail };
}

/** A value as an operator may see it: short, on one line. */
export function show(value: unknown): string {
  // An untrusted object's own toString may throw.
  const text = typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : plain(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
}

function isoOf(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
