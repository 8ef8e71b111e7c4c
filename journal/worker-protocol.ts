import type { Logger } from '../core/ports.ts';
import type { JournalConfig } from './journal-config.ts';
import type { Journal } from './journal-port.ts';

export interface WorkerJournalConfig extends JournalConfig {
  /** The file with its keys, made if absent. @default beside the directory: `journal.keys.json` */
  keyFile?: string;
}

/** One call of one journal. A worker serves the journals of all nodes of its process. */
export type WorkerRequest =
  | { call: number; directory: string; method: 'create'; config: WorkerJournalConfig }
  | {
      [Method in keyof Journal]: { call: number; directory: string; method: Method; args: Parameters<Journal[Method]> };
    }[keyof Journal];

export type WorkerReply =
  | { call: number; ok: true; value: unknown }
  | { call: number; ok: false; message: string; code: string | undefined }
  | { log: keyof Logger; fields: object; message: string };
