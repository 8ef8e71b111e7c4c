import type { Envelope, EnvelopeRecord } from '../../core/envelope.ts';
import type { Lane } from '../../core/priority.ts';
import type { Value } from '../../core/reading.ts';
import { byteCodec } from '../helpers/byte-codec.ts';

/**
 * A decoder written from docs/envelope.md alone, plainly and without any check: if it reads what the encoder writes, the
 * page says all that there is to say. It shares no code with core/envelope.
 */
export function decodeByThePage(bytes: Uint8Array): Envelope {
  let data: Buffer = Buffer.from(bytes);
  let at = 3; // magic and version

  const take = (length: number): Buffer => {
    at += length;
    return data.subarray(at - length, at);
  };
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const text = (): string => take(varint()).toString('utf8');
  const integers = (count: number): number[] => {
    const values: number[] = [];
    while (values.length < count) {
      const code = varint();
      if (code === 0) values.push(...new Array<number>(1 + varint()).fill(0));
      else values.push(code % 2 === 0 ? code / 2 : -(code + 1) / 2);
    }
    return values;
  };
  const names = (): string[] => {
    const list: Buffer[] = [];
    for (let left = varint(); left > 0; left--) {
      const shared = varint();
      list.push(Buffer.concat([(list.at(-1) ?? Buffer.alloc(0)).subarray(0, shared), take(varint())]));
    }
    return list.map((name) => name.toString('utf8'));
  };

  const identityLength = varint();
  const identityEnd = at + identityLength;
  const node = text();
  const producer = text();
  const epoch = take(8).toString('hex');
  const lane = take(1)[0] as Lane;
  const from = varint();
  const to = from + varint();
  at = identityEnd + 2;

  const site = text();
  const hash = take(8).toString('hex');
  const givenUp: { from: number; to: number }[] = [];
  for (let left = varint(); left > 0; left--) {
    const start = (givenUp.at(-1)?.to ?? from) + varint();
    givenUp.push({ from: start, to: start + varint() });
  }
  const count = givenUp.reduce((sum, hole) => sum - (hole.to - hole.from), to - from);

  const devices = names();
  const streams = names();
  const seriesCount = varint();
  const deviceOf: number[] = [];
  for (const less of integers(seriesCount)) deviceOf.push(less + (deviceOf.at(-1) ?? 0));
  const streamOf: number[] = [];
  for (const less of integers(seriesCount)) {
    const before = streamOf.at(-1);
    streamOf.push(less + (before === undefined ? 0 : (before + 1) % streams.length));
  }
  const seriesOf: number[] = [];
  const followed = new Map<number, number>();
  for (const less of integers(count)) {
    const before = seriesOf.at(-1);
    const expected = before === undefined ? 0 : (followed.get(before) ?? (before + 1) % seriesCount);
    seriesOf.push(expected + less);
    if (before !== undefined) followed.set(before, expected + less);
  }

  const form = take(1)[0]!;
  const times: number[] = [];
  const cameAfter = new Map<number, number>();
  integers(count).forEach((less, record) => {
    const before = seriesOf[record - 1];
    const usual = form === 1 && before !== undefined ? (cameAfter.get(before) ?? 0) : 0;
    if (before !== undefined) cameAfter.set(before, less + usual);
    times.push((times.at(-1) ?? 0) + less + usual);
  });

  const traits: number[] = [];
  const lastTraits = new Map<number, number>();
  integers(count).forEach((less, record) => {
    const series = seriesOf[record]!;
    traits.push(less + (lastTraits.get(series) ?? traits.at(-1) ?? 0));
    lastTraits.set(series, traits.at(-1)!);
  });

  const values = new Array<Value>(count).fill(null);
  /** Records of one kind, a list for each series that has any. */
  const ofKind = (kind: number): number[][] =>
    Array.from({ length: seriesCount }, (_, series) =>
      seriesOf.flatMap((of, record) =>
        of === series && (traits[record]! % 4) + (traits[record]! >= 32 ? 32 : 0) === kind ? [record] : [],
      ),
    ).filter((records) => records.length > 0);

  const numbers = ofKind(0);
  const scales: number[] = [];
  for (const less of integers(numbers.length)) scales.push(less + (scales.at(-1) ?? 0));
  const scaled = numbers.filter((_, series) => scales[series]! < 10);
  const differences = integers(scaled.flat().length);
  numbers.forEach((records, series) => {
    let whole = 0;
    for (const record of scales[series] === 10 ? [] : records) {
      whole += differences.shift()!;
      values[record] = whole / 10 ** scales[series]!;
    }
  });
  for (const record of numbers.filter((_, series) => scales[series] === 10).flat()) {
    values[record] = take(8).readDoubleLE();
  }
  const booleans = ofKind(1).flat();
  const bits = take(Math.ceil(booleans.length / 8));
  booleans.forEach((record, bit) => {
    values[record] = ((bits[bit >> 3]! >> (bit & 7)) & 1) === 1;
  });
  /** Reads what the section holds in place of the envelope's own bytes. */
  const section = (kind: number, read: () => Value): void => {
    const records = ofKind(kind).flat();
    if (records.length === 0) return;
    const format = take(1)[0]!;
    const rawLength = varint();
    const stored = take(format === 0 ? rawLength : varint());
    const outside = { data, at };
    if (format === 0) data = stored;
    else data = Buffer.from(byteCodec.decompress(stored, format === 1 ? 'lz4' : 'zstd', rawLength)!);
    at = 0;
    for (const record of records) values[record] = read();
    ({ data, at } = outside);
  };
  const texts = (): (() => string) => {
    let last = '';
    return () => {
      const code = varint();
      if (code > 0) last = take(code - 1).toString('utf8');
      return last;
    };
  };
  section(2, texts());
  const json = texts();
  section(33, () => ({ json: json() }));
  section(32, () => {
    const samples = varint();
    const scale = take(1)[0]!;
    if (scale === 10) return Array.from({ length: samples }, () => take(8).readDoubleLE());
    let whole = 0;
    return integers(samples).map((difference) => {
      whole += difference;
      return whole / 10 ** scale;
    });
  });

  const records = values.map(
    (value, record): EnvelopeRecord => ({
      device: devices[deviceOf[seriesOf[record]!]!]!,
      stream: streams[streamOf[seriesOf[record]!]!]!,
      ts: times[record]!,
      value,
      quality: (['good', 'uncertain', 'bad'] as const)[(traits[record]! >> 2) & 3]!,
      clock: traits[record]! % 32 >= 16 ? 'unsynced' : 'synced',
    }),
  );
  return { header: { node, producer, epoch, lane, from, to, site, givenUp, hash }, records };
}
