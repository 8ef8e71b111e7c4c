import { COLD_PREFIXES } from '../core/cold-layout.ts';
import type { StoredRow } from '../core/stored-row.ts';
import type { FarSidePorts } from './far-side.ts';

/** The rows in each object, so that no object has to be decoded to know what queries see. */
export interface CloudRows {
  put(key: string, rows: readonly StoredRow[]): void;
  copy(from: string, to: string): void;
  delete(key: string): void;
  /** The object goes, its rows stay visible in another one that nothing of the store of record knows. */
  compact(key: string): void;
  /** Undefined = there is no such object. */
  in(key: string): readonly StoredRow[] | undefined;
  /** Keys of all objects that are staged. */
  staged(): ReadonlySet<string>;
}

export function createCloudRows({ appeared, vanished }: Pick<FarSidePorts, 'appeared' | 'vanished'>): CloudRows {
  const contents = new Map<string, readonly StoredRow[]>();
  const staged = new Set<string>();

  function change(key: string, rows: readonly StoredRow[] | undefined): void {
    const before = contents.get(key);
    if (rows === before) return;
    if (rows === undefined) contents.delete(key);
    else contents.set(key, rows);
    if (key.startsWith(COLD_PREFIXES.staging)) {
      if (rows) staged.add(key);
      else staged.delete(key);
    }
    if (!key.startsWith(COLD_PREFIXES.landing)) return;
    if (before) vanished(before);
    if (rows) appeared(rows);
  }

  return {
    put: change,
    copy(from, to) {
      const rows = contents.get(from);
      if (rows) change(to, rows);
    },
    delete: (key) => change(key, undefined),
    compact: (key) => void contents.delete(key),
    in: (key) => contents.get(key),
    staged: () => staged,
  };
}
