import { type Envelope, positionsOf } from '../../core/envelope.ts';
import { laneKeyText } from '../../core/identity.ts';
import { isArray, isJson, type Value } from '../../core/value.ts';

/** What subscribers of the critical topic are told. */
export interface Notice {
  /** Printable ASCII of at most 99 characters. */
  subject: string;
  /** JSON of at most MAX_NOTICE_BYTES. */
  body: string;
}

/** SNS takes 256 KB: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export const MAX_NOTICE_BYTES = 250_000;
const MAX_SUBJECT_CHARACTERS = 99;

/**
 * One notice for the records of one node, or several where they do not fit. `id` of a record is the same each time it is
 * told: a batch that is handled twice is told twice.
 */
export function noticesOf(fleet: string, node: string, envelopes: readonly Envelope[]): Notice[] {
  const head = `{"fleet":${JSON.stringify(fleet)},"node":${JSON.stringify(node)},"records":[`;
  const parts: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of envelopes.flatMap(recordsOf)) {
    const size = Buffer.byteLength(record) + 1;
    if (bytes + size > MAX_NOTICE_BYTES) {
      parts.push([]);
      bytes = Buffer.byteLength(head) + 2;
    }
    parts.at(-1)!.push(record);
    bytes += size;
  }
  return parts.map((records) => ({
    subject: subjectOf(fleet, node, records.length),
    body: `${head}${records.join(',')}]}`,
  }));
}

function recordsOf({ header, records }: Envelope): string[] {
  const positions = positionsOf(header);
  return records.map(({ device, stream, ts, value, quality, clock }) => {
    const id = `${laneKeyText(header)}/${positions.next().value}`;
    const at = new Date(ts).toISOString();
    return JSON.stringify({ id, site: header.site, device, stream, at, value: tellable(value), quality, clock });
  });
}

/** A person is told what an event says, and of a window of samples only how many there are: they are in the store. */
function tellable(value: Value): unknown {
  if (isArray(value)) return { samples: value.length };
  return isJson(value) ? (JSON.parse(value.json) as unknown) : value;
}

/** The count and the fleet come first: a long name of a node is what may be cut. */
const subjectOf = (fleet: string, node: string, records: number): string =>
  `${records} critical ${records === 1 ? 'record' : 'records'} in ${fleet}: ${node}`
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, MAX_SUBJECT_CHARACTERS);
