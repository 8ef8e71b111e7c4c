import type { Logger } from '../core/ports.ts';
import type { JournalConfig } from './journal-config.ts';
import type { Journal } from './journal-port.ts';

export interface WorkerJournalConfig extends JournalConfig {
  /** The file with its keys, made if absent. @default beside the directory: `journal.keys.json` */
  keyFile?: string;
}

/** One call of one journal. A worker serves the journals of all nodes of its process. */
export type WorkerRequest =
  | WorkerCall
  /** A commit lies in the shared memory of this number: the call has the same number. */
  | number;

export type WorkerCall =
  | { call: number; directory: string; method: 'create'; config: WorkerJournalConfig }
  /** Memory in which commits of this journal are to come (shared-append.ts). */
  | { call: number; directory: string; method: 'share'; place: number; memory: SharedArrayBuffer }
  | {
      [Method in keyof Journal]: { call: number; directory: string; method: Method; args: Parameters<Journal[Method]> };
    }[keyof Journal];

export type WorkerReply =
  /** The result of this call lies in its shared memory. */
  | number
  | { call: number; ok: true; value: unknown }
  | { call: number; ok: false; message: string; code: string | undefined }
  | { log: keyof Logger; fields: object; message: string };
