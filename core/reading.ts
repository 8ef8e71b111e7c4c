import { type CheckedValue, checkValue, type StreamKind, show, type Value } from './value.ts';

export {
  type JsonText,
  MAX_ARRAY_SAMPLES,
  MAX_JSON_BYTES,
  MAX_LOG_BYTES,
  MAX_TEXT_BYTES,
  STREAM_KINDS,
  type StreamKind,
  show,
  type Value,
} from './value.ts';

export const QUALITIES = ['good', 'uncertain', 'bad'] as const;
export type Quality = (typeof QUALITIES)[number];

/** Whether the clock that stamped the reading could be trusted (docs/adr/0004-time.md). */
export const CLOCKS = ['synced', 'unsynced'] as const;
export type ClockState = (typeof CLOCKS)[number];

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
  'unknown-topic',
  'not-its-own',
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

export const EARLIEST_TIME_MS = Date.UTC(2000, 0, 1);
export const MAX_AHEAD_MS = 24 * 3_600_000;
/** The last of 9999-12-31: beyond it no store and no calendar of this trade goes, whatever the clock says. */
export const LATEST_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

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
  const value = checkPresent(raw.value, kind, quality);
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

function checkPresent(value: unknown, kind: StreamKind, quality: Quality): CheckedValue {
  if (value !== null && value !== undefined) return checkValue(value, kind);
  return quality === 'bad' ? { ok: true, value: null } : refuse('no-value', 'null is allowed only with quality bad');
}

function isQuality(value: unknown): value is Quality {
  return QUALITIES.includes(value as Quality);
}

function refuse<Reason extends ReadingRefusal>(
  reason: Reason,
  detail: string,
): { ok: false; reason: Reason; detail: string } {
  return { ok: false, reason, detail };
}

function isoOf(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
