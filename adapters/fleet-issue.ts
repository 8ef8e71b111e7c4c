import type * as z from 'zod';
import { show } from '../core/reading.ts';

/** A problem at a path of the file; `atKey` points at the key instead of its value. */
export interface LocatedIssue {
  path: (string | number)[];
  message: string;
  atKey?: boolean;
}

type Issue = z.core.$ZodIssue;

/**
 * Says for a person what a schema issue means: what is allowed there and what was seen.
 *
 * @param root the whole value that was validated: issues do not carry the values they are about
 */
export function describeIssue(issue: Issue, root: unknown): LocatedIssue[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const seen = valueAt(root, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys
        .filter(isOrdinary)
        .map((key) => ({ path: [...path, key], message: 'unknown key', atKey: true }));
    case 'invalid_key':
      return [{ path, message: `expected ${issue.issues.map(({ message }) => message).join(', ')}`, atKey: true }];
    case 'invalid_type':
      if (seen === undefined) return [{ path, message: `missing, expected ${article(issue.expected)}` }];
      return [{ path, message: `expected ${article(issue.expected)}${seenText(seen)}` }];
    case 'invalid_value':
      return [{ path, message: `${missing(seen)}expected ${orList(issue.values.map(plainText))}${seenText(seen)}` }];
    case 'invalid_union':
      if (issue.discriminator !== undefined) {
        const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(plainText) : [];
        return [{ path, message: `${missing(seen)}expected ${orList(options)}${seenText(seen)}` }];
      }
      return [{ path, message: `expected ${issue.message}${seenText(seen)}` }];
    case 'too_big':
      return [{ path, message: `${amount(issue.origin)}at most ${issue.maximum}${seenText(seen)}` }];
    case 'too_small':
      return [{ path, message: `${amount(issue.origin)}at least ${issue.minimum}${seenText(seen)}` }];
    case 'custom':
      return [{ path, message: `expected ${issue.message}${seenText(seen) || defaultText(issue.params)}` }];
    default:
      return [{ path, message: `expected ${issue.message}${seenText(seen)}` }];
  }
}

/** What a key is that the file leaves out, but that does not fit another one (core/bounded.ts). */
const defaultText = (params: Record<string, unknown> | undefined): string =>
  params?.unlessGiven === undefined ? '' : ` (seen nothing, so it is ${params.unlessGiven})`;

/** The loader names this key itself, since records drop it without an issue. */
const isOrdinary = (key: string): boolean => key !== '__proto__';

const missing = (seen: unknown): string => (seen === undefined ? 'missing, ' : '');

function seenText(seen: unknown): string {
  if (seen === undefined) return '';
  if (Array.isArray(seen)) return ` (seen a list of ${seen.length})`;
  if (typeof seen === 'object' && seen !== null) return ' (seen a mapping)';
  return ` (seen ${show(seen)})`;
}

const plainText = (value: unknown): string => String(value);
const orList = (values: string[]): string =>
  values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;

function amount(origin: string): string {
  if (origin === 'string') return 'number of characters must be ';
  return origin === 'array' ? 'number of entries must be ' : 'must be ';
}

/** YAML's words for what a schema expects. */
const EXPECTED: Readonly<Record<string, string>> = {
  object: 'a mapping (key: value)',
  record: 'a mapping (name: …)',
  array: 'a list',
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};
const article = (expected: string): string => EXPECTED[expected] ?? expected;

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
