import type { Disk, DiskFile } from '../../core/ports.ts';

/** One call that changed a disk, or a note of the caller's between them. Files keep their number when they are renamed. */
export type DiskEvent<Note> =
  | { do: 'create'; file: number; name: string }
  | { do: 'write'; file: number; offset: number; bytes: Uint8Array }
  | { do: 'sync'; file: number }
  | { do: 'rename'; from: string; to: string }
  | { do: 'remove'; name: string }
  | { do: 'sync-directory' }
  | { do: 'note'; note: Note };

export interface RecordingDisk<Note> extends Disk {
  events: readonly DiskEvent<Note>[];
  note(note: Note): void;
  /** Nothing is being prepared any more. */
  idle(): Promise<void>;
}

/** Does what the disk behind it does, and writes down each change in the order in which it came to be. */
export function createRecordingDisk<Note>(disk: Disk): RecordingDisk<Note> {
  const events: DiskEvent<Note>[] = [];
  const numbers = new Map<string, number>();
  let files = 0;
  let preparing: Promise<unknown> = Promise.resolve();

  const created = (name: string): number => {
    const file = files++;
    numbers.set(name, file);
    events.push({ do: 'create', file, name });
    return file;
  };
  const numberOf = (name: string): number => {
    const file = numbers.get(name);
    if (file === undefined) throw new Error(`${name} is not a file that was recorded`);
    return file;
  };
  const recorded = (file: number, opened: DiskFile): DiskFile => ({
    async write(offset, bytes) {
      await opened.write(offset, bytes);
      events.push({ do: 'write', file, offset, bytes: new Uint8Array(bytes) });
    },
    async sync() {
      await opened.sync();
      events.push({ do: 'sync', file });
    },
    close: () => opened.close(),
  });

  return {
    events,
    note: (note) => void events.push({ do: 'note', note }),
    async idle() {
      await preparing;
      await new Promise((resolve) => setImmediate(resolve)); // whoever waited for it has gone on
    },
    list: () => disk.list(),
    read: (name, offset, length) => disk.read(name, offset, length),
    size: (name) => disk.size(name),
    async create(name) {
      const opened = await disk.create(name);
      return recorded(created(name), opened);
    },
    async open(name) {
      return recorded(numberOf(name), await disk.open(name));
    },
    async prepare(name, bytes) {
      // From here on a crash may find any part of it.
      const file = created(name);
      events.push({ do: 'write', file, offset: 0, bytes: new Uint8Array(bytes) });
      const prepared = disk.prepare(name, bytes);
      preparing = Promise.allSettled([preparing, prepared]);
      await prepared;
      events.push({ do: 'sync', file });
    },
    async rename(from, to) {
      await disk.rename(from, to);
      const file = numberOf(from);
      numbers.delete(from);
      numbers.set(to, file);
      events.push({ do: 'rename', from, to });
    },
    async remove(name) {
      await disk.remove(name);
      if (numbers.delete(name)) events.push({ do: 'remove', name });
    },
    async sync(name) {
      await disk.sync(name);
      events.push({ do: 'sync', file: numberOf(name) });
    },
    async syncDirectory() {
      await disk.syncDirectory();
      events.push({ do: 'sync-directory' });
    },
  };
}
