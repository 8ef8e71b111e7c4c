import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { JsonValue } from '../../core/filters/filter.ts';
import type { FileSourceConfig } from '../../core/fleet.ts';
import type { SourcePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, RefusedInput, Source, SourceSink } from '../../core/ports.ts';
import type { RawReading } from '../../core/reading.ts';
import { identifyFile, positionOf } from './file-position.ts';
import { openRows, type PlacedRow } from './file-reader.ts';
import type { FileMark } from './line-reader.ts';
import { createReplayPace, type ReplayPace } from './replay-pace.ts';
import { offerUntilCommitted, wait } from './wait.ts';

export interface FileSourceOptions {
  /** Where a relative path of the fleet file begins: the folder of that file. */
  directory: string;
  /** How many times faster than recorded, with `pace: recorded`. @default 1 */
  speed?: number | undefined;
}

const MAX_BATCH_ROWS = 1_000;
const MAX_BATCH_BYTES = 4 * 1024 ** 2;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** A file that ends within a line is complete if it did not change for so long. */
const SETTLED_MS = 5_000;
/** Timers overflow at 24 days. */
const MAX_WAIT_MS = 3_600_000;

/**
 * Replays a CSV or NDJSON file, once, to its end; a later start goes on where the last committed batch ended, with
 * whatever was added since. Rows that cannot be read are refused with their line and stop nothing. A file that is
 * missing, unreadable, or without the columns of the fleet file is tried again and again: it may come later.
 *
 * Half a line at the end of the file waits until the file grows, and is taken as a row if nothing about the file
 * changes for five seconds; should the line go on later, its rest is refused. Growth after the end was reached is seen
 * at the next start only.
 */
export function createFileSource(
  plan: SourcePlan & { config: FileSourceConfig },
  ports: { clock: Clock; logger: Logger },
  options: FileSourceOptions,
): Source {
  const { clock, logger } = ports;
  const path = resolve(options.directory, plan.config.path);

  /** Reads from a position on; `grown` = it ends within a line and has changed meanwhile. */
  const replay = async (
    position: JsonValue | undefined,
    sink: SourceSink,
    onCommit: (position: JsonValue) => void,
    signal: AbortSignal,
  ): Promise<'ended' | 'grown' | { problem: string }> => {
    const opening = await stateOf(path);
    const { identity, resumption } = await identifyFile(path, position);
    if (resumption.from === 'no-position') {
      logger.warn({ source: plan.name, position }, 'source: last position is of another type; not used');
    }
    if (resumption.from === 'other-file') {
      logger.warn({ source: plan.name, path }, 'another file now: reading it whole; its rows count as new readings');
    }
    let batch = emptyBatch();
    const flush = async (): Promise<void> => {
      if (!batch.end) return;
      const { readings, refused, end } = batch;
      batch = emptyBatch();
      const done = positionOf(identity, end);
      if (await offerUntilCommitted(sink, { readings, refused, position: done }, clock, signal)) onCommit(done);
    };
    let settled: Promise<boolean> | undefined;
    const settle = async (): Promise<boolean> => {
      await flush();
      await wait(clock, SETTLED_MS, signal);
      return !signal.aborted && (await stateOf(path)) === opening;
    };
    const mark = resumption.from === 'mark' ? resumption.mark : undefined;
    const opened = await openRows(path, plan.config, plan.streams, mark, () => (settled ??= settle()));
    if (!opened.ok) return opened;
    const pace = plan.config.pace === 'recorded' ? createReplayPace(clock, options.speed ?? 1) : undefined;
    for await (const rows of opened.rows) {
      for (const row of rows) {
        for (let ms = untilDue(pace, row); ms > 0 && !signal.aborted; ms = untilDue(pace, row)) {
          await flush();
          await wait(clock, Math.min(ms, MAX_WAIT_MS), signal);
        }
        if (signal.aborted) return 'ended';
        addRow(batch, row, plan);
        if (batch.rows >= MAX_BATCH_ROWS || batch.bytes >= MAX_BATCH_BYTES) await flush();
      }
    }
    await flush();
    return (await settled) === false ? 'grown' : 'ended';
  };

  return {
    canWait: true,
    run: async (sink, position, signal) => {
      let committed = position;
      let retryMs = FIRST_RETRY_MS;
      const onCommit = (done: JsonValue): void => {
        committed = done;
        retryMs = FIRST_RETRY_MS;
      };
      while (!signal.aborted) {
        const outcome = await replay(committed, sink, onCommit, signal).catch(fileProblem);
        if (outcome === 'ended') return;
        if (outcome === 'grown') continue;
        const { problem } = outcome;
        logger.warn({ source: plan.name, path, retryMs }, `file source: ${problem}; trying again`);
        await wait(clock, retryMs, signal);
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
      }
    },
  };
}

/** Errors of the file system and of gzip carry a code; anything else is a bug. */
function fileProblem(error: NodeJS.ErrnoException): { problem: string } {
  if (typeof error.code !== 'string') throw error;
  return { problem: error.message };
}

/** Another one whenever the file was written to or replaced. */
async function stateOf(path: string): Promise<string> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return [size, mtimeNs, ino].join();
}

const untilDue = (pace: ReplayPace | undefined, row: PlacedRow): number => (pace && row.ok ? pace.untilMs(row.ts) : 0);

interface RowBatch {
  readings: RawReading[];
  refused: RefusedInput[];
  rows: number;
  bytes: number;
  end: FileMark | undefined;
}
const emptyBatch = (): RowBatch => ({ readings: [], refused: [], rows: 0, bytes: 0, end: undefined });

function addRow(batch: RowBatch, row: PlacedRow, plan: SourcePlan & { config: FileSourceConfig }): void {
  batch.rows += 1;
  batch.bytes += row.bytes;
  batch.end = row.end;
  const origin = `${basename(plan.config.path)} line ${row.line}`;
  if (!row.ok) {
    batch.refused.push({ reason: 'unparsable', detail: row.detail, origin });
    return;
  }
  const device = row.device ?? plan.devices[0]!;
  plan.streams.forEach(({ name: stream }, at) => {
    const value = row.values[at];
    if (value === undefined) return;
    batch.readings.push(
      row.ts === undefined ? { device, stream, value, origin } : { device, stream, ts: row.ts, value, origin },
    );
  });
}
