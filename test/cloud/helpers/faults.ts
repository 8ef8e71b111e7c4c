import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cloud } from '../cloud.ts';

/** Which call of a function; what is left out matches any. */
export interface FaultyCall {
  /** Its place among the calls of the invocation, from 0. */
  at?: number;
  service?: string;
  operation?: string;
  /** Only in invocations whose event contains this text, such as the name of a thing. */
  event?: string;
}
export type Fault =
  /** The process is gone; `after` = the call was done, its answer not seen. */
  | { type: 'exit'; when: 'before' | 'after' }
  /** The call never reaches AWS; the SDK tries most errors of kind 5xx three times. */
  | { type: 'answer'; status: number; headers: Record<string, string>; body: string }
  /** The call waits until it is let go. */
  | { type: 'hold' };

export interface InjectedFault {
  /** How often it happened. */
  used(): number;
  /** Lets a held call go on, and takes back what did not happen. */
  lift(): void;
}

/** What a deployed function's calls shall meet. */
export function injectFault(
  { calls }: Pick<Cloud, 'calls'>,
  name: string,
  match: FaultyCall,
  fault: Fault,
  times = 1,
): InjectedFault {
  const directory = join(calls, name);
  mkdirSync(join(directory, 'faults'), { recursive: true });
  const id = randomUUID();
  const until = join(directory, `${id}.held`);
  if (fault.type === 'hold') writeFileSync(until, '');
  const files = Array.from({ length: times }, (_, use) => join(directory, 'faults', `${id}-${use}.json`));
  for (const file of files) {
    // Complete at once: a function may look at any time.
    const draft = join(directory, `${id}.draft`);
    writeFileSync(draft, JSON.stringify({ match, ...fault, until }));
    renameSync(draft, file);
  }
  return {
    used: () => files.filter((file) => !existsSync(file)).length,
    lift() {
      for (const file of [...files, until]) rmSync(file, { force: true });
    },
  };
}

const json = { 'content-type': 'application/x-amz-json-1.0' };

/** Refusals as the services word them. */
export const REFUSALS = {
  /** Not SlowDown: the SDK would wait longer before it asks again than a test wants to. */
  s3Unavailable: {
    type: 'answer',
    status: 503,
    headers: { 'content-type': 'application/xml' },
    body: '<Error><Code>ServiceUnavailable</Code><Message>Reduce your request rate.</Message></Error>',
  },
  dynamoConflict: {
    type: 'answer',
    status: 400,
    headers: json,
    body: JSON.stringify({
      __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
      Message: 'Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]',
      CancellationReasons: [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }],
    }),
  },
  iotForbidden: {
    type: 'answer',
    status: 403,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'ForbiddenException' },
    body: JSON.stringify({ message: 'Forbidden' }),
  },
} as const satisfies Record<string, Fault>;
