import { gzipSync } from 'node:zlib';
import { cutHeader, type EnvelopeHeader } from '../core/envelope.ts';
import { fitEnvelope } from '../core/envelope-codec.ts';
import type { Filter, JsonValue } from '../core/filters/filter.ts';
import { createFilter } from '../core/filters/table.ts';
import { PRODUCER } from '../core/identity.ts';
import { jsonBytesOf } from '../core/json-size.ts';
import type { Reading } from '../core/reading.ts';
import { geometricMean, mean, short } from './support/figures.ts';
import { type Recording, recordings } from './support/recordings.ts';
import type { Claim, PromiseKept, Section } from './support/section.ts';

const BATCHES = [100, 500, 2_000, 10_000];
const PROMISED = [0.23, 0.23, 0.23, 0.24];
const PERCENT = 5;

export const bytes: Claim = { id: 'bytes', title: 'Bytes on the wire, and what a filter costs', run };

async function run(): Promise<Section> {
  const { present, absent } = await recordings();
  const sizes = present.map((recording) => BATCHES.map((size) => sizesOf(recording.readings, size)));
  const toGzip = BATCHES.map((_, column) =>
    geometricMean(sizes.map((row) => row[column]!.envelope / row[column]!.gzip)),
  );
  const toJson = BATCHES.map((_, column) =>
    geometricMean(sizes.map((row) => row[column]!.envelope / row[column]!.json)),
  );
  const costs = present.map(({ readings }) => filterCost(readings));
  const filtered = costs.map(({ kept }) => sizesOf(kept, 500));
  return {
    says: `An envelope of 100 to 10,000 readings takes ${range(toJson)} of the bytes of JSON and ${range(toGzip)} of those of JSON+gzip-6 (geometric mean of ${present.length} sets); a ${PERCENT} % change filter keeps ${range(costs.map(({ share }) => share))} of the readings and is off by ${range(costs.map(({ meanError }) => meanError))} of a stream's range on average.`,
    method: `Each set is cut into batches in order of arrival; a batch is encoded as the node does (one that does not fit into one envelope takes several), as one JSON array of {device, stream, ts, value}, and as that array through gzip level 6. Bytes are payload bytes; what is left of a set after its last whole batch is not counted.`,
    noise: 'none: sizes and errors are exact and the same at every run.',
    tables: [sizeTable(present, sizes), filterTable(present, costs, filtered)],
    promises: BATCHES.map((size, column): PromiseKept => {
      const reached = toGzip[column]!;
      return {
        what: `bytes against JSON+gzip-6, ${size.toLocaleString('en-US')} readings (geometric mean)`,
        promised: `≤ ${PROMISED[column]}×`,
        reached: `${short(reached)}×`,
        kept: reached <= PROMISED[column]! ? 'yes' : 'no',
      };
    }),
    caveats: [
      ...(absent.length === 0 ? [] : [`${absent.join('; ')}: the recording is absent here.`]),
      'pcodec, the yardstick of the other size promises, has no package for Node.',
    ],
  };
}

interface Sizes {
  /** Bytes a reading. */
  envelope: number;
  json: number;
  gzip: number;
}

/** A set shorter than a batch is one batch; a shorter batch at the end of a longer set is left out. */
function sizesOf(readings: readonly Reading[], size: number): Sizes {
  const sums = { envelope: 0, json: 0, gzip: 0 };
  const whole = Math.max(1, Math.floor(readings.length / size));
  let count = 0;
  for (let batch = 0; batch < whole; batch++) {
    const part = readings.slice(batch * size, (batch + 1) * size);
    const json = JSON.stringify(part.map(({ device, stream, ts, value }) => ({ device, stream, ts, value })));
    count += part.length;
    sums.envelope += envelopeBytes(part, batch * size);
    sums.json += jsonBytesOf(part);
    sums.gzip += gzipSync(json, { level: 6 }).length;
  }
  return { envelope: sums.envelope / count, json: sums.json / count, gzip: sums.gzip / count };
}

function envelopeBytes(records: readonly Reading[], from: number): number {
  let total = 0;
  for (let done = 0; done < records.length; ) {
    const rest = records.slice(done);
    const header = headerOf(from + done, from + records.length);
    const fit = fitEnvelope(header, rest);
    const encoded = fit.encoded ?? fitEnvelope(cutHeader(header, fit.count), rest.slice(0, fit.count)).encoded!;
    total += encoded.length;
    done += fit.count;
  }
  return total;
}

function headerOf(from: number, to: number): EnvelopeHeader {
  const names = { node: 'machining', site: 'main-plant', producer: PRODUCER };
  return { ...names, epoch: '0123456789abcdef', lane: 2, from, to, givenUp: [], hash: 'fedcba9876543210' };
}

interface FilterCost {
  kept: Reading[];
  /** Of the readings. */
  share: number;
  /** Of last-value hold against every numeric reading, in shares of the stream's range: mean and largest. */
  meanError: number;
  maxError: number;
}

function filterCost(readings: readonly Reading[]): FilterCost {
  const filters = new Map<string, { filter: Filter<JsonValue>; state: JsonValue | undefined }>();
  const ranges = rangesOf(readings);
  const held = new Map<string, number>();
  const errors: number[] = [];
  const kept: Reading[] = [];
  for (const reading of readings) {
    const name = seriesOf(reading);
    const one = filters.get(name) ?? { filter: createFilter({ type: 'change', percent: PERCENT }), state: undefined };
    filters.set(name, one);
    const step = one.filter.step(one.state, reading);
    one.state = step.state;
    kept.push(...step.kept);
    if (typeof reading.value !== 'number') continue;
    if (step.kept.length > 0) held.set(name, reading.value);
    const range = ranges.get(name)!;
    if (range > 0) errors.push(Math.abs(reading.value - held.get(name)!) / range);
  }
  return {
    kept,
    share: kept.length / readings.length,
    meanError: mean(errors),
    maxError: errors.reduce((a, b) => Math.max(a, b), 0),
  };
}

function rangesOf(readings: readonly Reading[]): Map<string, number> {
  const bounds = new Map<string, [number, number]>();
  for (const reading of readings) {
    if (typeof reading.value !== 'number') continue;
    const [low, high] = bounds.get(seriesOf(reading)) ?? [reading.value, reading.value];
    bounds.set(seriesOf(reading), [Math.min(low, reading.value), Math.max(high, reading.value)]);
  }
  return new Map([...bounds].map(([name, [low, high]]) => [name, high - low]));
}

const seriesOf = ({ device, stream }: Reading): string => `${device}/${stream}`;

const percent = (share: number): string => `${short(100 * share)} %`;
const range = (shares: readonly number[]): string =>
  `${short(100 * Math.min(...shares))}–${percent(Math.max(...shares))}`;

const sizeTable = (present: readonly Recording[], sizes: readonly Sizes[][]) => ({
  head: ['set', 'readings a batch', 'envelope, B a reading', 'JSON', 'JSON+gzip-6', '× JSON', '× JSON+gzip-6'],
  rows: present.flatMap(({ name, readings }, row) =>
    BATCHES.map((size, column) => {
      const { envelope, json, gzip } = sizes[row]![column]!;
      const batch = Math.min(size, readings.length).toLocaleString('en-US');
      return [name, batch, short(envelope), short(json), short(gzip), short(envelope / json), short(envelope / gzip)];
    }),
  ),
});

const filterTable = (present: readonly Recording[], costs: readonly FilterCost[], filtered: readonly Sizes[]) => ({
  head: [
    `set, ${PERCENT} % change filter`,
    'kept',
    'reduction',
    'mean error, % of range',
    'largest error, % of range',
    'B a kept reading (500 a batch)',
    'B a reading collected',
  ],
  rows: present.map(({ name }, row) => {
    const { share, meanError, maxError } = costs[row]!;
    const { envelope } = filtered[row]!;
    return [
      name,
      percent(share),
      percent(1 - share),
      percent(meanError),
      percent(maxError),
      short(envelope),
      short(envelope * share),
    ];
  }),
});
