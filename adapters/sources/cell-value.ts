import type { StreamKind } from '../../core/reading.ts';
import { writtenValue } from './json-number.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
/** How instruments and languages write what is no number; the border refuses it under its own reason. */
const NOT_FINITE = /^(?:nan|[+-]?inf(?:inity)?)$/i;
const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
  [1, true],
  [0, false],
]);

/**
 * A CSV cell as the border expects it for a stream of this kind; `undefined` = an empty cell, no reading. What does
 * not fit stays text, so that the border refuses it.
 */
export function cellValue(cell: string, kind: StreamKind): unknown {
  const text = cell.trim();
  if (text === '') return undefined;
  switch (kind) {
    case 'number':
      return numberOf(text);
    case 'boolean':
      return BOOLEANS.get(text.toLowerCase()) ?? text;
    case 'text':
    case 'log':
      return cell;
    case 'json':
    case 'array':
      return parsed(text);
  }
}

/** What is no JSON stays text, which the border refuses. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function numberOf(text: string): unknown {
  if (NOT_FINITE.test(text)) return Number.NaN;
  if (!NUMBER.test(text)) return text;
  const number = Number(text);
  const exact = !INTEGER.test(text) || Number.isSafeInteger(number) || !Number.isFinite(number);
  return exact ? number : BigInt(text);
}

/**
 * As `cellValue`, for a key of a JSON line; `undefined` = absent or null, no reading.
 *
 * @param line the text that the object was parsed from: JSON.parse rounds large integers without a word
 */
export function jsonValue(value: unknown, key: string, line: string, kind: StreamKind): unknown {
  if (value === null || value === undefined) return undefined;
  if (kind === 'boolean') return BOOLEANS.get(value) ?? value;
  if (kind !== 'number' || typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)) {
    return value;
  }
  const written = writtenValue(line, key);
  return written !== undefined && INTEGER.test(written) ? BigInt(written) : value;
}
