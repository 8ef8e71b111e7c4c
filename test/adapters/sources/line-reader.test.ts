import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FILE_START, type FileMark, type Line, readLines, TAIL_BYTES } from '../../../adapters/sources/line-reader.ts';

async function linesOf(bytes: Buffer, from: FileMark, piece: number, complete = true): Promise<Line[]> {
  async function* chunks() {
    for (let at = from.offset; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  }
  const lines: Line[] = [];
  for await (const some of readLines(chunks(), from, async () => complete)) lines.push(...some);
  return lines;
}
const text = fc.array(fc.string({ maxLength: 200 }), { maxLength: 12 }).map((lines) => Buffer.from(lines.join('\n')));
const piece = fc.integer({ min: 1, max: 400 });

test('each mark knows the bytes before it, and reading goes on from it to the same lines', async () => {
  await fc.assert(
    fc.asyncProperty(text, piece, piece, fc.nat(), async (bytes, first, second, pick) => {
      const lines = await linesOf(bytes, FILE_START, first);
      for (const { end } of lines) {
        const before = bytes.subarray(Math.max(0, end.offset - TAIL_BYTES), end.offset);
        expect(end.tail.equals(before)).toBe(true);
      }
      if (lines.length === 0) return;
      const at = pick % lines.length;
      expect(await linesOf(bytes, lines[at]!.end, second)).toEqual(lines.slice(at + 1));
    }),
  );
});

test('a last line without line end is given only if it may be; its rest is known as such', async () => {
  await fc.assert(
    fc.asyncProperty(text, piece, async (bytes, size) => {
      const all = await linesOf(bytes, FILE_START, size);
      const whole = await linesOf(bytes, FILE_START, size, false);
      const half = bytes.length > 0 && bytes.at(-1) !== 0x0a ? 1 : 0;
      expect(whole).toEqual(all.slice(0, all.length - half));
      const last = all.at(-1)?.end ?? FILE_START;
      const [rest, next] = await linesOf(Buffer.concat([bytes, Buffer.from('rest\nnext\n')]), last, size);
      expect([rest!.continues ?? false, next!.continues ?? false]).toEqual([half === 1, false]);
    }),
  );
});
