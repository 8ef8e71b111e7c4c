import type { Mutant } from './mutant.ts';

/** Bugs of what is written: segments, blocks, keys. */
export const DISK_MUTANTS: readonly Mutant[] = [
  {
    name: 'skip the fdatasync of a commit',
    file: 'journal/segment-log.ts',
    find: 'if (sync) await file.sync();',
    replace: '',
  },
  {
    name: 'skip the directory sync after a new segment',
    file: 'journal/segment-log.ts',
    find: `    try {
      await disk.syncDirectory();
    } catch (error) {`,
    replace: '    try {} catch (error) {',
  },
  {
    name: 'acknowledge a commit before its fdatasync',
    file: 'journal/segment-log.ts',
    find: 'if (sync) await file.sync();',
    replace: 'if (sync) void Promise.resolve(file.sync()).catch(() => undefined);',
  },
  {
    name: 'count on what a killed process left unsynced',
    file: 'journal/segment-files.ts',
    find: 'await disk.sync(segmentFile(log, number));',
    replace: '',
  },
  {
    name: 'leave the segment number out of the header check',
    file: 'journal/block.ts',
    find: 'if (!header || header.segment !== segment) return undefined;',
    replace: 'if (!header) return undefined;',
    focus: 'crash',
  },
  {
    name: 'use a segment number again after a failed attempt',
    file: 'journal/segment-log.ts',
    find: `      await discard();
      throw error;`,
    replace: `      await discard();
      segment--;
      throw error;`,
    focus: 'diskTrouble',
  },
  {
    name: 'use a new key before it is durable',
    file: 'core/key-ring.ts',
    find: `    await store.save(next);
    keys = next;`,
    replace: `    keys = next;
    await store.save(next);`,
    focus: 'crash,diskTrouble',
  },
  {
    name: 'retire a key that segments still need',
    file: 'journal/keys-on-disk.ts',
    find: 'await ring.retire(new Set([...inUse, ...aside]));',
    replace: 'await ring.retire(new Set());',
  },
  {
    name: 'forget the cut of a failed write',
    file: 'journal/segment-log.ts',
    find: 'truncated = { ...truncated, [segment]: good };',
    replace: '',
    focus: 'diskTrouble,stop',
  },
];
