import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cloud } from '../cloud.ts';

/** One call to AWS that a function made, as emulator/call-recorder.mjs wrote it down. */
export interface Call {
  /** Its place among the calls of the invocation, from 0. */
  at: number;
  /** As in the signature: s3, dynamodb, sqs, sns, iotdata, monitoring. */
  service: string;
  operation: string;
  path: string;
  /** What a test had done to it. */
  fault?: 'exit' | 'answer' | 'hold';
  /** Missing where the process ended first. */
  status?: number;
}
export interface TracedInvocation {
  invocation: string;
  event: unknown;
  calls: Call[];
  /** Whether the function came to its end, well or with an error; not if its process went away. */
  ended: boolean;
  /** It threw. */
  failed: boolean;
}

type Line = { invocation: string } & (
  | { type: 'invocation'; event: unknown }
  | ({ type: 'call' } & Call)
  | { type: 'answer'; at: number; status: number }
  | { type: 'end'; failed: boolean }
);

/** Invocations of a function whose event contains the text, in the order in which they began. */
export function readCalls({ calls }: Pick<Cloud, 'calls'>, name: string, part = ''): TracedInvocation[] {
  const found = new Map<string, TracedInvocation>();
  for (const line of readLines(join(calls, name, 'calls.jsonl'))) {
    if (line.type === 'invocation') {
      if (!JSON.stringify(line.event).includes(part)) continue;
      found.set(line.invocation, {
        invocation: line.invocation,
        event: line.event,
        calls: [],
        ended: false,
        failed: false,
      });
    }
    const traced = found.get(line.invocation);
    if (line.type === 'call') {
      const { type: _type, invocation: _invocation, ...call } = line;
      traced?.calls.push(call);
    } else if (line.type === 'answer') {
      const call = traced?.calls.find(({ at }) => at === line.at);
      if (call !== undefined) call.status = line.status;
    } else if (line.type === 'end' && traced !== undefined) {
      traced.ended = true;
      traced.failed = line.failed;
    }
  }
  return [...found.values()];
}

function readLines(file: string): Line[] {
  if (!existsSync(file)) return []; // it never ran
  const text = readFileSync(file, 'utf8');
  // The last line may be half written.
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
