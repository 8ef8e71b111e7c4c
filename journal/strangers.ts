import type { Disk } from '../core/ports.ts';
import type { Aside } from './aside.ts';
import { findBlocks } from './block.ts';

const NUMBERED = /^(records|forward|letters|spare)-(\d{10})\.hwj$/;
/** No log comes so far: of segments of 64 KiB these are 128 TiB. Numbers of segments are 32 bits (block.ts). */
const MAX_NUMBER = 2 ** 31;
/** Numbers are given one after the other; failed attempts and recycling leave gaps, but none like this. */
const MAX_GAP = 2 ** 20;

/**
 * Keeps files aside that have the name of a segment with a number that none can have: a copy, a typing error, a damaged
 * directory. The next segment's number follows the highest, so one of them would end the log, or not be writable at all.
 * A number far ahead is believed if a block in the file has it too.
 */
export async function keepStrangersAside(disk: Disk, aside: Aside): Promise<void> {
  const files = (await disk.list()).flatMap((name) => {
    const [, log, number] = NUMBERED.exec(name) ?? [];
    return log === undefined ? [] : [{ name, log, number: Number(number) }];
  });
  const sane = new Map<string, number>();
  let found = false;
  for (const { name, log, number } of files.sort((a, b) => a.number - b.number)) {
    // A spare was a segment of records.
    const own = log === 'spare' ? 'records' : log;
    const isFarAhead = number > (sane.get(own) ?? 0) + MAX_GAP;
    if (number <= MAX_NUMBER && !(isFarAhead && (await hasNoneOfItsOwn(disk, name, number)))) {
      sane.set(own, number);
      continue;
    }
    await aside.keepFile(name);
    found = true;
  }
  if (found) await disk.syncDirectory();
}

const hasNoneOfItsOwn = async (disk: Disk, name: string, number: number): Promise<boolean> =>
  findBlocks(await disk.read(name, 0, await disk.size(name)), number).length === 0;
