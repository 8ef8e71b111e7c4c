/** What becomes of a value that is to be written as JSON. */
export type WrittenJson =
  | { ok: true; json: string }
  | { ok: false; reason: 'wrong-kind' | 'not-finite' | 'not-exact' | 'too-large'; detail: string };
type Refused = Extract<WrittenJson, { ok: false }>;

export interface JsonLimits {
  /** Of the text, UTF-8. */
  maxBytes: number;
  /** Objects and arrays within each other, the outermost included. */
  maxDepth: number;
}

/**
 * The canonical JSON text of a value (RFC 8785: keys sorted by UTF-16 code units, no spaces, numbers as ECMAScript
 * writes them), so that equal objects have equal bytes. Refused is what JSON.parse could not give back: anything but
 * plain objects, arrays, well-formed texts, finite numbers, booleans and null; and integers beyond 2^53, which may have
 * been rounded before they came here.
 *
 * @example canonicalJson({ b: 1, a: [true] }, { maxBytes: 100, maxDepth: 2 }) // { ok: true, json: '{"a":[true],"b":1}' }
 */
export function canonicalJson(value: unknown, { maxBytes, maxDepth }: JsonLimits): WrittenJson {
  let json = '';
  /** Where the value being written stands, for the operator. */
  const path: (string | number)[] = [];

  const refused = (reason: Refused['reason'], detail: string): Refused => {
    const place = path.length === 0 ? '' : `${path.map(String).join('.').slice(0, 80)}: `;
    return { ok: false, reason, detail: `${place}${detail}` };
  };
  const put = (text: string): Refused | undefined => {
    json += text;
    // Characters are at most the bytes: the exact count comes at the end.
    return json.length > maxBytes ? tooLarge() : undefined;
  };
  const tooLarge = (): Refused => ({ ok: false, reason: 'too-large', detail: `JSON of more than ${maxBytes} bytes` });

  const putText = (text: string): Refused | undefined =>
    text.isWellFormed() ? put(JSON.stringify(text)) : refused('wrong-kind', 'text is not well-formed Unicode');

  const putNumber = (number: number): Refused | undefined => {
    if (!Number.isFinite(number)) return refused('not-finite', `value ${number}`);
    if (Number.isInteger(number) && !Number.isSafeInteger(number) && Math.abs(number) < 1e21) {
      return refused('not-exact', `integer ${number} is beyond 2^53; write it as text to keep it`);
    }
    return put(JSON.stringify(number));
  };

  const putAll = (entries: readonly (readonly [string | number, unknown])[], depth: number, named: boolean) => {
    if (depth > maxDepth) return refused('too-large', `more than ${maxDepth} objects and arrays within each other`);
    for (const [index, [key, member]] of entries.entries()) {
      path.push(key);
      const problem =
        (index > 0 ? put(',') : undefined) ??
        (named ? (putText(String(key)) ?? put(':')) : undefined) ??
        putValue(member, depth);
      if (problem) return problem;
      path.pop();
    }
    return undefined;
  };

  const putValue = (part: unknown, depth: number): Refused | undefined => {
    switch (typeof part) {
      case 'string':
        return putText(part);
      case 'number':
        return putNumber(part);
      case 'boolean':
        return put(String(part));
      case 'object':
        break;
      case 'bigint':
        return refused('not-exact', `integer ${part} is beyond 2^53; write it as text to keep it`);
      default:
        return refused('wrong-kind', `${typeof part}, expected what JSON can hold`);
    }
    if (part === null) return put('null');
    if (Array.isArray(part)) {
      // What has more members than bytes are allowed is not listed first.
      if (part.length > maxBytes) return tooLarge();
      return (
        put('[') ??
        putAll(
          [...part].map((member, index) => [index, member]),
          depth + 1,
          false,
        ) ??
        put(']')
      );
    }
    if (!isPlain(part)) return refused('wrong-kind', 'an object of a class, expected a plain one');
    const keys = Object.keys(part).sort(byCodeUnits);
    if (keys.length > maxBytes) return tooLarge();
    const entries = keys.map((key) => [key, (part as Record<string, unknown>)[key]] as const);
    return put('{') ?? putAll(entries, depth + 1, true) ?? put('}');
  };

  const problem = putValue(value, 0);
  if (problem) return problem;
  return Buffer.byteLength(json) > maxBytes ? tooLarge() : { ok: true, json };
}

/** Whether a text is what `canonicalJson` writes for an object within the limits. Never throws. */
export function isCanonicalObject(json: string, limits: JsonLimits): boolean {
  if (!json.startsWith('{')) return false;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
  const written = canonicalJson(value, limits);
  return written.ok && written.json === json;
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What JSON.parse and object literals make, of whatever realm: a worker's and a test's differ. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
