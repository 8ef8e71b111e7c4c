import { isUtf8 } from 'node:buffer';
import type { ListenPlan } from '../../../core/listen/client-rights.ts';
import type { StreamPlan } from '../../../core/node-plan.ts';
import type { RefusedInput } from '../../../core/ports.ts';
import { type RawReading, show } from '../../../core/reading.ts';
import { cellValue, jsonValue } from '../cell-value.ts';
import { fileTime } from '../file-time.ts';
import { writtenItems } from '../json-number.ts';

/** What a message holds; nothing about the readings is trusted yet. */
export interface Parsed {
  readings: RawReading[];
  refused: RefusedInput[];
}

export interface Addressed {
  topic: string;
  device: string;
  /** Undefined if the topic does not name it. */
  stream: string | undefined;
}

const DEFAULT_VALUE_KEY = 'value';

/** How the messages of a group are read. Never throws: what cannot be read is refused with the reason. */
export function createPayloadParser(plan: ListenPlan): (payload: Uint8Array, to: Addressed) => Parsed {
  const { format, columns, value: valueKey = DEFAULT_VALUE_KEY, time } = plan.config;
  const kinds = new Map(plan.streams.map((stream) => [stream.name, stream.kind]));

  /** A stream that nobody declared has no kind; the border refuses it by its name. */
  const kindOf = (stream: string): StreamPlan['kind'] => kinds.get(stream) ?? 'text';
  const columnsOf = ({ stream }: Addressed): [stream: string, key: string][] =>
    stream === undefined ? plan.streams.map(({ name }) => [name, columns?.[name] ?? name]) : [[stream, valueKey]];

  const ofText = (text: string, { topic: origin, device, stream }: Addressed): Parsed => {
    const value = cellValue(text, kindOf(stream!));
    return one({ device, stream: stream!, value, origin });
  };

  const ofValue = (text: string, { topic: origin, device, stream }: Addressed): Parsed => {
    const json = parseJson(text);
    if (json === undefined) return none(origin, `${show(text)}, expected one JSON value`);
    const value = jsonValue(json, 'value', `{"value":${text}}`, kindOf(stream!));
    return one({ device, stream: stream!, value, origin });
  };

  const ofObject = (object: unknown, text: string, to: Addressed): Parsed => {
    if (!isObject(object)) return none(to.topic, `${show(object)}, expected a JSON object`);
    const field = (key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
    // A time that should be there and is not must not become the time of arrival.
    const ts = time && (fileTime(field(time.column), time.format) ?? null);
    const readings = columnsOf(to).flatMap(([stream, key]): RawReading[] => {
      const value = jsonValue(field(key), key, text, kindOf(stream));
      if (value === undefined) return [];
      return [{ device: to.device, stream, value, origin: to.topic, ...(time && { ts }) }];
    });
    if (readings.length > 0) return { readings, refused: [] };
    const expected = columnsOf(to).map(([, key]) => key);
    const detail = `none of the keys ${expected.slice(0, 5).join(', ')} has a value`;
    return { readings: [], refused: [{ reason: 'no-value', detail, origin: to.topic }] };
  };

  const ofJson = (text: string, to: Addressed): Parsed => {
    const json = parseJson(text);
    if (json === undefined) return none(to.topic, `${show(text)}, expected a JSON object or a list of them`);
    if (!Array.isArray(json)) return ofObject(json, text, to);
    if (json.length === 0) return none(to.topic, 'an empty list');
    const texts = writtenItems(text);
    const parts = json.map((item, at) => ofObject(item, texts[at]!, to));
    return { readings: parts.flatMap(({ readings }) => readings), refused: parts.flatMap(({ refused }) => refused) };
  };

  return (payload, to) => {
    if (!isUtf8(payload)) return none(to.topic, `${payload.length} bytes that are no UTF-8 text`);
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
    if (format === 'text') return ofText(text, to);
    return format === 'value' ? ofValue(text, to) : ofJson(text, to);
  };
}

const one = (reading: RawReading): Parsed => ({ readings: [reading], refused: [] });
const none = (origin: string, detail: string): Parsed => {
  return { readings: [], refused: [{ reason: 'unparsable', detail, origin }] };
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined if the text is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // RangeError: brackets nested beyond the parser's stack.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}
