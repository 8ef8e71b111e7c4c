import { Worker } from 'node:worker_threads';
import type { Logger } from '../core/ports.ts';
import type { AppendResult, Journal } from './journal-port.ts';
import { createSharedCommits } from './shared-commits.ts';
import type { WorkerJournalConfig, WorkerReply } from './worker-protocol.ts';

/** Journals in one worker thread, so that a flush of 50 ms on an SD card never stalls readings or the network. */
export interface JournalWorker {
  /** The journal of one directory, made if absent. */
  journal(directory: string, config: WorkerJournalConfig): Journal;
  /** Ends the thread; journals should be closed before. */
  close(): Promise<void>;
  /** Resolves if the thread ends by itself: nothing can be made durable any more, the process must end. */
  failed: Promise<Error>;
}

/** @param bundle the journal-worker.js that build.mjs makes; a TypeScript worker does not start under plain Node 20 */
export function startJournalWorker(bundle: URL, logger: Logger): JournalWorker {
  const worker = new Worker(bundle);
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  /** Number of the last call: from 1 on. */
  let calls = 0;
  /** Of the last shared memory: from −1 on. A commit in it is a call under its number. */
  let places = 0;
  let ended: Error | undefined;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  worker.on('message', (message: WorkerReply) => {
    if (typeof message === 'number') {
      waiting.get(message)?.resolve(undefined as never);
      return waiting.delete(message);
    }
    if ('log' in message) return logger[message.log](message.fields, message.message);
    const call = waiting.get(message.call);
    waiting.delete(message.call);
    if (message.ok) call?.resolve(message.value as never);
    else call?.reject(Object.assign(new Error(message.message), { code: message.code }));
  });
  worker.on('error', (error) => {
    end(error);
    fail(error);
  });
  worker.on('exit', (code) => {
    if (code !== 0) fail(new Error(`journal worker ended with code ${code}`));
    end(new Error(`journal worker ended with code ${code}`));
  });

  const post = <T>(call: number, message: unknown): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (ended) return reject(ended);
      waiting.set(call, { resolve, reject });
      worker.postMessage(message);
    });
  const request = <T>(directory: string, method: string, rest: object): Promise<T> => {
    const call = ++calls;
    return post(call, { call, directory, method, ...rest });
  };

  return {
    failed,
    journal(directory, config) {
      const created = request<void>(directory, 'create', { config });
      created.catch(() => undefined); // open() tells
      const invoke =
        <Method extends keyof Journal>(method: Method) =>
        (...args: Parameters<Journal[Method]>) =>
          request(directory, method, { args }) as ReturnType<Journal[Method]>;
      const place = --places;
      const shared = createSharedCommits((memory) => {
        request(directory, 'share', { place, memory }).catch(() => undefined); // the commit in it tells
      });
      const append: Journal['append'] = async (commit) => {
        if (!shared.put(commit)) return request(directory, 'append', { args: [commit] });
        try {
          const told = await post<AppendResult | undefined>(place, place);
          return told ?? shared.result();
        } finally {
          shared.free();
        }
      };
      return {
        open: () => created.then(() => invoke('open')()),
        append,
        read: invoke('read'),
        settle: invoke('settle'),
        release: invoke('release'),
        noteFarSide: invoke('noteFarSide'),
        noteMeter: invoke('noteMeter'),
        bury: invoke('bury'),
        deadLetters: invoke('deadLetters'),
        letter: invoke('letter'),
        exhume: invoke('exhume'),
        discard: invoke('discard'),
        rotateKeys: invoke('rotateKeys'),
        readLocal: invoke('readLocal'),
        status: invoke('status'),
        close: invoke('close'),
      };
    },
    async close() {
      worker.removeAllListeners('exit');
      await worker.terminate();
      end(new Error('journal worker is closed'));
    },
  };
}
