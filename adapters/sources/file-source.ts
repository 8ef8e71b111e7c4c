import { basename, resolve } from 'node:path';
import type { JsonValue } from '../../core/filters/filter.ts';
import type { FileSourceConfig } from '../../core/fleet.ts';
import type { SourcePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, RefusedInput, Source, SourceSink } from '../../core/ports.ts';
import type { RawReading } from '../../core/reading.ts';
import { identifyFile, positionOf } from './file-bytes.ts';
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
/** Timers overflow at 24 days. */
const MAX_WAIT_MS = 3_600_000;

/**
 * Replays a CSV or NDJSON file, once, to its end; a later start goes on where the last committed batch ended, with
 * whatever was added since. Rows that cannot be read are refused with their line and stop nothing. A file that is
 * missing, unreadable, or without the columns of the fleet file is tried again and again: it may come later.
 *
 * The file must consist of whole lines when it is read: half a line at its end is taken for a row.
 */
export function createFileSource(
  plan: SourcePlan & { config: FileSourceConfig },
  ports: { clock: Clock; logger: Logger },
  options: FileSourceOptions,
): Source {
  const { clock, logger } = ports;
  const path = resolve(options.directory, plan.config.path);

  /** Reads from a position to the end; gives the problem that ended it early, if any. */
  const replay = async (
    position: JsonValue | undefined,
    sink: SourceSink,
    onCommit: (position: JsonValue) => void,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const { identity, mark } = await identifyFile(path, position);
    if (position !== undefined && !mark) logger.warn({ source: plan.name, path }, 'another file now: reading it whole');
    const opened = await openRows(path, plan.config, plan.streams, mark);
    if (!opened.ok) return opened.problem;
    const pace = plan.config.pace === 'recorded' ? createReplayPace(clock, options.speed ?? 1) : undefined;
    let batch = emptyBatch();
    const flush = async (): Promise<void> => {
      if (!batch.end) return;
      const { readings, refused, end } = batch;
      batch = emptyBatch();
      const done = positionOf(identity, end);
      if (await offerUntilCommitted(sink, { readings, refused, position: done }, clock, signal)) onCommit(done);
    };
    for await (const rows of opened.rows) {
      for (const row of rows) {
        for (let ms = untilDue(pace, row); ms > 0 && !signal.aborted; ms = untilDue(pace, row)) {
          await flush();
          await wait(clock, Math.min(ms, MAX_WAIT_MS), signal);
        }
        if (signal.aborted) return undefined;
        addRow(batch, row, plan);
        if (batch.rows >= MAX_BATCH_ROWS || batch.bytes >= MAX_BATCH_BYTES) await flush();
      }
    }
    await flush();
    return undefined;
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
        const problem = await replay(committed, sink, onCommit, signal).catch(fileProblem);
        if (problem === undefined) return;
        logger.warn({ source: plan.name, path, retryMs }, `file source: ${problem}; trying again`);
        await wait(clock, retryMs, signal);
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
      }
    },
  };
}

/** Errors of the file system and of gzip carry a code; anything else is a bug. */
function fileProblem(error: NodeJS.ErrnoException): string {
  if (typeof error.code !== 'string') throw error;
  return error.message;
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
