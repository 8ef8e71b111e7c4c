import { existsSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { openFileDisk } from '../adapters/embedded/file-disk.ts';
import { openKeyRing } from '../adapters/embedded/key-file.ts';
import { systemClock } from '../adapters/embedded/system-clock.ts';
import { systemRandom } from '../adapters/embedded/system-random.ts';
import type { Logger } from '../core/ports.ts';
import { createJournal } from './journal.ts';
import type { Journal, ReadResult } from './journal-port.ts';
import { readCommit, writeResult } from './shared-append.ts';
import type { WorkerCall, WorkerReply, WorkerRequest } from './worker-protocol.ts';

const port = parentPort;
if (!port) throw new Error('journal worker: started outside a worker thread');

const journals = new Map<string, Journal>();
const shared = new Map<number, { directory: string; memory: Buffer }>();
const reply = (message: WorkerReply): void => port.postMessage(message);
const logAs =
  (log: keyof Logger, directory: string) =>
  (fields: object, message: string): void =>
    reply({ log, fields: { ...fields, directory }, message });

const replyError =
  (call: number) =>
  ({ message, code }: NodeJS.ErrnoException): void =>
    reply({ call, ok: false, message, code });

port.on('message', (request: WorkerRequest) => {
  if (typeof request === 'number') return appendShared(request).catch(replyError(request));
  answer(request).then(
    (value) => port.postMessage({ call: request.call, ok: true, value }, buffersOf(request, value)),
    replyError(request.call),
  );
});

async function appendShared(place: number): Promise<void> {
  const { directory, memory } = shared.get(place)!;
  const result = await journalOf(directory).append(readCommit(memory));
  reply(writeResult(result, memory) ? place : { call: place, ok: true, value: result });
}

/** What was read is handed over, not copied: nobody here needs it any more. */
const buffersOf = ({ method }: WorkerCall, value: unknown): ArrayBuffer[] =>
  method === 'read' ? [...new Set((value as ReadResult).parts.map(({ bytes }) => bytes.buffer as ArrayBuffer))] : [];

async function answer(request: WorkerCall): Promise<unknown> {
  const { directory } = request;
  if (request.method === 'create') {
    const logger: Logger = {
      debug: logAs('debug', directory),
      info: logAs('info', directory),
      warn: logAs('warn', directory),
      error: logAs('error', directory),
    };
    const { keyFile = `${directory}.keys.json`, ...config } = request.config;
    const disk = openFileDisk(directory);
    const held = (await disk.list()).filter((name) => name.endsWith('.hwj'));
    if (held.length > 0 && !existsSync(keyFile)) {
      throw new Error(
        `journal: ${keyFile} is missing, and ${directory} holds ${held.length} files that need its keys. Put it back, or move the directory away to begin anew without its records`,
      );
    }
    const keys = await openKeyRing(keyFile, systemClock);
    const ports = { disk, clock: systemClock, random: systemRandom, logger, keys };
    journals.set(directory, createJournal(ports, config));
    return undefined;
  }
  if (request.method === 'share') {
    shared.set(request.place, { directory, memory: Buffer.from(request.memory) });
    return undefined;
  }
  const method = journalOf(directory)[request.method] as (...args: unknown[]) => Promise<unknown>;
  return method(...request.args);
}

function journalOf(directory: string): Journal {
  const journal = journals.get(directory);
  if (!journal) throw new Error(`journal worker: no journal ${directory}`);
  return journal;
}
