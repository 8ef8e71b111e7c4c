import { expect, test } from '@jest/globals';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { openAside } from '../../journal/aside.ts';

const SEGMENT = Buffer.from('0123456789');

test('a damaged stretch is kept under the name of its segment and its offset, once', async () => {
  const disk = createMemoryDisk();
  const aside = await openAside(disk, 100);
  await aside.keepStretch('records-0000000007.hwj', { offset: 2, length: 3 }, SEGMENT);
  await aside.keepStretch('records-0000000007.hwj', { offset: 2, length: 3 }, SEGMENT);
  expect([...disk.files].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
    ['aside-records-0000000007-at-0000000002.bin', '234'],
  ]);
  expect([(await openAside(disk, 100)).bytes(), aside.count()]).toEqual([3, 1]);
});

test('stretches are bounded, the oldest go first; whole files stay', async () => {
  const disk = createMemoryDisk(new Map([['records-0000000001.hwj', Buffer.alloc(50)]]));
  const aside = await openAside(disk, 8);
  await aside.keepFile('records-0000000001.hwj');
  for (const segment of [2, 3, 4]) {
    await aside.keepStretch(`records-000000000${segment}.hwj`, { offset: 0, length: 4 }, SEGMENT);
  }
  await aside.keepStretch('records-0000000005.hwj', { offset: 0, length: 9 }, SEGMENT);
  expect([...disk.files.keys()].sort()).toEqual([
    'aside-records-0000000001.hwj',
    'aside-records-0000000003-at-0000000000.bin',
    'aside-records-0000000004-at-0000000000.bin',
  ]);
  expect(aside.bytes()).toBe(58);
});

test('a disk that refuses costs the stretch, not the reading', async () => {
  const disk = createMemoryDisk();
  const refusing = {
    ...disk,
    create: () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    },
  };
  const aside = await openAside(refusing, 100);
  await aside.keepStretch('records-0000000007.hwj', { offset: 2, length: 3 }, SEGMENT);
  expect(aside.bytes()).toBe(0);
});
