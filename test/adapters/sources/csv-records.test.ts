import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCsvAssembler, detectDelimiter, parseCsv } from '../../../adapters/sources/csv-records.ts';
import { FILE_START, MAX_LINE_BYTES, readLines } from '../../../adapters/sources/line-reader.ts';

/** The records of a text that arrives in pieces of so many bytes. */
async function recordsOf(text: string | Buffer, piece = 7) {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  }
  const assembler = createCsvAssembler(',');
  const records = [];
  for await (const lines of readLines(chunks(), FILE_START, async () => true)) records.push(...assembler.add(lines));
  return [...records, ...assembler.finish()];
}
const textsOf = async (text: string | Buffer, piece?: number): Promise<string[]> =>
  (await recordsOf(text, piece)).map((record) => (record.ok ? record.text : `line ${record.line}: ${record.detail}`));

describe('records', () => {
  test('are lines without byte order mark and carriage returns; empty lines are none', async () => {
    expect(await textsOf('\ufeffa,b\r\n\r\n1,2\r\n   \n3,4')).toEqual(['a,b', '1,2', '3,4']);
  });

  test('hold the line breaks of quoted fields, and know their first line', async () => {
    const records = await recordsOf('a,"x\r\ny""\n",b\n1,2\n');
    expect(records).toMatchObject([
      { ok: true, text: 'a,"x\r\ny""\n",b', line: 1, end: { offset: 14, lines: 3 } },
      { ok: true, text: '1,2', line: 4, end: { offset: 18, lines: 4 } },
    ]);
  });

  test('a quote that is never closed costs its own line only', async () => {
    const rows = Array.from({ length: 250 }, (_, at) => `${at},x`);
    const lines = [...rows.slice(0, 10), '"open,x', ...rows.slice(10)];
    const expected = lines.map((line, at) => (at === 10 ? 'line 11: a quote opens and is not closed' : line));
    expect(await textsOf(lines.join('\n'), 64)).toEqual(expected);
    expect(await textsOf('1,2\n"open\n3,4')).toEqual(['1,2', 'line 2: a quote opens and is not closed', '3,4']);
  });

  test('a line that is too long or not UTF-8 is named and left out', async () => {
    const long = Buffer.concat([Buffer.from('a\n'), Buffer.alloc(MAX_LINE_BYTES + 1, 'x'), Buffer.from('\nb\n')]);
    expect(await textsOf(long, 65_536)).toEqual(['a', 'line 2: line of more than 1048576 bytes', 'b']);
    expect(await textsOf(Buffer.from([0x61, 10, 0xff, 10, 0x62]))).toEqual(['a', 'line 2: not UTF-8', 'b']);
  });

  test('written as RFC 4180 says are read back, in whatever pieces they arrive', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é'), maxLength: 6 });
    const row = fc.array(field, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), fc.integer({ min: 1, max: 20 }), async (rows, piece) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = rows.map((fields) => `${fields.map(quoted).join(',')}\r\n`).join('');
        const fields = parseCsv(await textsOf(text, piece), ',');
        expect(fields).toEqual(rows.map((expected) => ({ ok: true, fields: expected })));
      }),
    );
  });
});

test('a broken record fails alone', () => {
  expect(parseCsv(['1,2', '12" pipe,3', '"a"b,4', '"5",6'], ',')).toEqual([
    { ok: true, fields: ['1', '2'] },
    { ok: false, detail: expect.stringContaining('Invalid Opening Quote') },
    { ok: false, detail: expect.stringContaining('Invalid Closing Quote') },
    { ok: true, fields: ['5', '6'] },
  ]);
});

test.each([
  ['date,Temperature', ','],
  ['time;"a, b, and c";d', ';'],
  ['a\tb', '\t'],
  ['a|b,c|d', '|'],
  ['single', ','],
])('the delimiter of %j is %j', (header, delimiter) => {
  expect(detectDelimiter(header)).toBe(delimiter);
});
