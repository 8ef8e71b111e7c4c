import { canonicalJson } from './canonical-json.ts';

/** What a stream carries. */
export const STREAM_KINDS = ['number', 'boolean', 'text', 'log', 'json', 'array'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

/** An object in canonical JSON (canonical-json.ts): summaries, events, spectra with what belongs to them. */
export interface JsonText {
  json: string;
}

/**
 * `null` only with quality `bad`. Numbers are finite float64; an array holds samples: a window at a high rate, a
 * spectrum. Texts and log lines are both strings: only their bounds differ.
 */
export type Value = number | boolean | string | readonly number[] | JsonText | null;

/** A value that stands for itself: what a filter compares and a summary may count. */
export type Scalar = Exclude<Value, readonly number[] | JsonText>;

export const MAX_TEXT_BYTES = 1_024;
export const MAX_LOG_BYTES = 16 * 1_024;
export const MAX_JSON_BYTES = 16 * 1_024;
/** Of objects and arrays within a JSON value. */
export const MAX_JSON_DEPTH = 16;
/** A second at 8,192 Hz; 64 KiB in the journal, so that one record always fits into an envelope. */
export const MAX_ARRAY_SAMPLES = 8_192;

export const VALUE_REFUSALS = [
  'wrong-kind',
  'not-a-number',
  'not-finite',
  'not-exact',
  'no-value',
  'too-large',
] as const;
/** Why a value cannot be one of its stream. */
export type ValueRefusal = (typeof VALUE_REFUSALS)[number];

export type CheckedValue = { ok: true; value: Value } | RefusedValue;
export interface RefusedValue {
  ok: false;
  reason: ValueRefusal;
  detail: string;
}

/** Turns anything but null and undefined into a value of the kind, or says why it is none. */
export function checkValue(value: unknown, kind: StreamKind): CheckedValue {
  switch (kind) {
    case 'number':
      return checkNumber(value);
    case 'boolean':
      return typeof value === 'boolean'
        ? { ok: true, value }
        : refuse('wrong-kind', `value ${show(value)}, expected true or false`);
    case 'text':
      return checkText(value, 'text', MAX_TEXT_BYTES);
    case 'log':
      return checkText(value, 'log line', MAX_LOG_BYTES);
    case 'json':
      return checkJson(value);
    case 'array':
      return checkArray(value);
  }
}

export const isArray = (value: Value): value is readonly number[] => Array.isArray(value);
export const isJson = (value: Value): value is JsonText =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isScalar = (value: Value): value is Scalar => typeof value !== 'object' || value === null;

/** The value as JSON text, as a person would write it: what is JSON already is no text within text. */
export const jsonOf = (value: Value): string => (isJson(value) ? value.json : JSON.stringify(value));

/** Whether an envelope may carry it: the border, by the kind of its stream, lets in no more than that. */
export function isWithinValueBounds(value: Value): boolean {
  if (typeof value === 'string') return Buffer.byteLength(value) <= MAX_LOG_BYTES;
  if (isScalar(value)) return true;
  if (isJson(value)) return Buffer.byteLength(value.json) <= MAX_JSON_BYTES;
  return value.length > 0 && value.length <= MAX_ARRAY_SAMPLES;
}

/** UTF-8 bytes of a text or of JSON, 8 a sample of an array, 0 of what has a column of its own. */
export function sectionBytesOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (isScalar(value)) return 0;
  return isJson(value) ? Buffer.byteLength(value.json) : value.length * 8;
}

function checkNumber(value: unknown): { ok: true; value: number } | RefusedValue {
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

function checkText(value: unknown, what: string, maxBytes: number): CheckedValue {
  if (typeof value !== 'string') return refuse('wrong-kind', `value ${show(value)}, expected text`);
  // A character has at least one byte: what is far too long need not be looked through.
  const bytes = value.length > maxBytes ? value.length : Buffer.byteLength(value);
  if (bytes > maxBytes) return refuse('too-large', `${what} of ${bytes} bytes, allowed ${maxBytes}`);
  if (!value.isWellFormed()) return refuse('wrong-kind', `${what} is not well-formed Unicode`);
  return { ok: true, value };
}

function checkJson(value: unknown): CheckedValue {
  if (typeof value !== 'object' || Array.isArray(value)) {
    return refuse('wrong-kind', `value ${show(value)}, expected a JSON object`);
  }
  const written = canonicalJson(value, { maxBytes: MAX_JSON_BYTES, maxDepth: MAX_JSON_DEPTH });
  return written.ok ? { ok: true, value: { json: written.json } } : written;
}

/** Samples of an array, copied: what the source does with its own later does not matter. */
function checkArray(value: unknown): CheckedValue {
  if (!Array.isArray(value) && !(value instanceof Float64Array || value instanceof Float32Array)) {
    return refuse('wrong-kind', `value ${show(value)}, expected an array of numbers`);
  }
  if (value.length === 0) return refuse('no-value', 'array of 0 samples, expected at least 1');
  if (value.length > MAX_ARRAY_SAMPLES) {
    return refuse('too-large', `array of ${value.length} samples, allowed ${MAX_ARRAY_SAMPLES}`);
  }
  const samples: number[] = [];
  for (let index = 0; index < value.length; index++) {
    const sample = checkNumber(value[index]);
    if (!sample.ok) return refuse(sample.reason, `sample ${index}: ${sample.detail}`);
    samples.push(sample.value);
  }
  return { ok: true, value: samples };
}

const refuse = (reason: ValueRefusal, detail: string): RefusedValue => ({ ok: false, reason, detail });

/** A value as an operator may see it: short, on one line. */
export function show(value: unknown): string {
  // An untrusted object's own toString may throw.
  const text = typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : plain(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
}
