import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../../core/ports.ts';
import { atMost } from '../at-most.ts';
import { type RefusedQuery, refuseQuery } from './query-guard.ts';
import {
  DEFAULT_RESULT_BYTES,
  type QueryReply,
  type QueryRequest,
  type QueryResult,
  type QuerySetup,
  tooMuchMemory,
  tooSlow,
} from './query-messages.ts';
import type { OpenSnapshot } from './query-snapshot.ts';
import { residentBytesOf } from './resident-bytes.ts';
import { systemClock } from './system-clock.ts';

/** A process that answers queries, and that is ended when one of them does not keep to its limits. */
export interface QueryChild {
  /**
   * One query at a time; the first one waits for the start.
   *
   * @throws Error if the snapshot cannot be read; the process has ended then
   */
  query(sql: string, snapshot: OpenSnapshot): Promise<QueryResult>;
  ended(): boolean;
  /** Ends it within half a second; a query that runs gets this answer. */
  end(answer: RefusedQuery): Promise<void>;
}

export interface QueryChildPorts {
  /** The query-process.js that build.mjs makes. */
  bundle: URL;
  logger: Logger;
}

/** How long an interrupted query may take to notice, beyond the time allowed. */
const GRACE_MS = 2_000;
const START_MS = 30_000;
const END_MS = 500;
const LOOK_EVERY_MS = 50;
/** Of JavaScript: the rows of an answer, and their text as JSON. */
const HEAP_MB = 256;
/** What an answer takes as rows and as text, for each byte of it. */
const ANSWER_FACTOR = 4;
/** For what DuckDB and Node take beside what they count. */
const TOLERANCE = 1.25;

interface ResidentLimits {
  /** More than this while a query runs ends it. */
  max: number;
  /** More than this after a query, which allocators kept, would be counted against the next one. */
  maxIdle: number;
}

const residentLimits = (base: number, { memoryBytes, maxResultBytes }: QuerySetup): ResidentLimits => {
  const answerBytes = ANSWER_FACTOR * (maxResultBytes ?? DEFAULT_RESULT_BYTES);
  return { max: TOLERANCE * (base + memoryBytes) + answerBytes, maxIdle: base + memoryBytes / 2 + answerBytes };
};

/** What a request led to: the process replied, or it ended. */
type Outcome = QueryReply | { ended: RefusedQuery };

/** Nobody hears it: the query before was answered, the next one goes to another process. */
const RETIRED = refuseQuery('busy', 'the process that runs queries was replaced');

/** Never throws: a process that does not start answers its queries as busy. */
export function startQueryChild({ bundle, logger }: QueryChildPorts, setup: QuerySetup): QueryChild {
  const child = forkBare(bundle, logger);
  let ended: RefusedQuery | undefined;
  let settle: (reply: Outcome) => void = () => undefined;
  let limits: ResidentLimits | undefined;
  let shown: number | undefined;

  const gone = (how: string): void => {
    if (!ended) logger.warn({ how }, 'query process ended by itself; the next query starts another');
    ended ??= limits ? explainEnd(how, setup) : unable(how);
    settle({ ended });
  };
  const exited = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      gone(signal ?? `exit ${code}`);
      resolve();
    });
    child.on('error', (error) => {
      gone(error.message);
      resolve();
    });
  });
  const end = async (answer: RefusedQuery): Promise<void> => {
    ended ??= answer;
    child.kill('SIGKILL');
    await atMost(END_MS, exited, systemClock);
    settle({ ended });
  };
  const look = (residentBytes: number): void => {
    if (!ended && limits && residentBytes > limits.max) void end(tooMuchMemory(setup.memoryBytes));
  };
  child.on('message', (reply: QueryReply) => {
    if ('ready' in reply || 'answer' in reply || 'failed' in reply) settle(reply);
    else look(reply.residentBytes);
  });

  const ask = async (request: QueryRequest, timeoutMs: number, late: RefusedQuery): Promise<Outcome> => {
    if (ended) return { ended };
    const reply = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    const timer = setTimeout(() => void end(late), timeoutMs);
    const looking = setInterval(() => look(residentBytesOf(child.pid)), LOOK_EVERY_MS);
    // A process that is gone, or never was, is told by its events.
    if (child.connected) child.send(request, () => undefined);
    try {
      return await reply;
    } finally {
      clearTimeout(timer);
      clearInterval(looking);
    }
  };
  const start = async (): Promise<void> => {
    const reply = await ask({ setup }, START_MS, unable(`not within ${START_MS} ms`));
    if ('ready' in reply) limits = residentLimits(reply.residentBytes, setup);
    else if ('failed' in reply) await end(unable(reply.failed));
  };
  const starting = start();

  return {
    async query(sql, snapshot) {
      await starting;
      const request = snapshot.revision === shown ? { sql } : { sql, snapshot };
      const reply = await ask(request, setup.timeoutMs + GRACE_MS, tooSlow(setup.timeoutMs));
      if ('ended' in reply) return reply.ended;
      if ('answer' in reply) {
        shown = snapshot.revision;
        if (limits && reply.residentBytes > limits.maxIdle) void end(RETIRED);
        return reply.answer;
      }
      const message = 'failed' in reply ? reply.failed : 'no answer';
      await end(unable(message));
      throw new Error(`query process: ${message}`);
    },
    ended: () => ended !== undefined,
    end,
  };
}

/** It needs no secret, so it is given none; and it should hold no more than an answer. */
function forkBare(bundle: URL, logger: Logger): ChildProcess {
  const { LD_LIBRARY_PATH } = process.env; // where Node's own libraries are on some systems
  const child = fork(fileURLToPath(bundle), [], {
    env: LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH },
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced', // as JSON a −0 would lose its sign
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => logger.debug({ text }, 'query process: stderr'));
  return child;
}

/** The kernel kills and V8 aborts if memory runs out; anything else is a fault of the database. */
function explainEnd(how: string, { memoryBytes }: QuerySetup): RefusedQuery {
  return how === 'SIGKILL' || how === 'SIGABRT'
    ? tooMuchMemory(memoryBytes)
    : refuseQuery('invalid', `it ended the process that runs queries (${how})`);
}

const unable = (why: string): RefusedQuery =>
  refuseQuery('busy', `the process that runs queries did not start: ${why}`);
