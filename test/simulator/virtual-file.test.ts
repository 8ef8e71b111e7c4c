import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createDice } from '../../simulator/dice.ts';
import { createVirtualFile } from '../../simulator/virtual-file.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const dice = (seed: number) => createDice(createSeededRandom(BigInt(seed)));

describe('a file on the virtual disk', () => {
  test('what was synced survives every power cut; what was not may come back in part, but never as something else', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0 }),
        fc.uint8Array({ maxLength: 3_000 }),
        fc.uint8Array({ maxLength: 3_000 }),
        (seed, safe, atRisk) => {
          const file = createVirtualFile();
          file.write(0, safe);
          file.sync();
          file.write(safe.length, atRisk);
          expect(file.isDurable(0, safe.length)).toBe(true);
          file.powerCut(dice(seed));
          const found = file.read(0, 1e6);
          expect(Buffer.compare(found.subarray(0, safe.length), safe)).toBe(0);
          expect(found.length).toBeLessThanOrEqual(safe.length + atRisk.length);
          found.subarray(safe.length).forEach((byte, at) => {
            expect([0, atRisk[at]]).toContain(byte);
          });
        },
      ),
    );
  });

  test('every kind of loss happens', () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const file = createVirtualFile();
      file.write(0, bytesOf('x'.repeat(2_000)));
      for (const kind of file.powerCut(dice(seed))) kinds.add(kind);
    }
    expect([...kinds].sort()).toEqual(['kept', 'lost', 'torn-prefix', 'torn-sectors', 'torn-zeros']);
  });

  test('no later sync helps bytes whose sync failed', () => {
    let lost = 0;
    for (let seed = 0; seed < 100; seed++) {
      const file = createVirtualFile();
      file.write(0, bytesOf('doubtful'));
      file.failSync(dice(seed));
      file.sync();
      file.powerCut(dice(seed + 1_000));
      if (Buffer.from(file.read(0, 8)).toString() !== 'doubtful') lost++;
    }
    expect(lost).toBeGreaterThan(10);
    expect(lost).toBeLessThan(90);
  });
});
