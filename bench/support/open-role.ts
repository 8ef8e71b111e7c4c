import { startRole } from './processes.ts';

export interface OpenConfig {
  directory: string;
  maxBytes: number;
}
export interface Opened {
  openMs: number;
  /** Until the first records could leave. */
  firstMs: number;
  /** Reading and checking every block of every segment. */
  scanMs: number;
  blocks: number;
  records: number;
  firstRecords: number;
  /** RSS of the process, bytes, from before the opening to after the first read. */
  rssMore: number;
}

export async function openOnce(config: OpenConfig): Promise<Opened> {
  const role = await startRole<Opened>('open-journal', config);
  await role.stop();
  return role.ready;
}
