import type { Cloud } from '../cloud.ts';

export interface Invocation {
  /** Whether the function threw, ended its process, or took too long. */
  failed: boolean;
  result: unknown;
}

/** Calls a deployed function as the scheduler or the console would, and waits for it. */
export async function invokeFunction(
  { endpoint }: Pick<Cloud, 'endpoint'>,
  name: string,
  event: unknown = {},
): Promise<Invocation> {
  const response = await fetch(`${endpoint}/2015-03-31/functions/${encodeURIComponent(name)}/invocations`, {
    method: 'POST',
    body: JSON.stringify(event),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`invoking ${name}: ${response.status} ${text}`);
  return { failed: response.headers.has('x-amz-function-error'), result: text === '' ? undefined : JSON.parse(text) };
}

/** Ends the function's processes, as Lambda does after any change: the next invocation meets a new one. */
export async function coolDown({ endpoint }: Pick<Cloud, 'endpoint'>, name: string): Promise<void> {
  const response = await fetch(`${endpoint}/2015-03-31/functions/${encodeURIComponent(name)}/configuration`, {
    method: 'PUT',
    body: JSON.stringify({ Description: `cooled down ${new Date().toISOString()}` }),
  });
  if (!response.ok) throw new Error(`changing ${name}: ${response.status} ${await response.text()}`);
}

export interface FunctionState {
  FunctionArn: string;
  MemorySize: number;
}

/** @throws with the status, 404 if there is no such function */
export async function describeFunction({ endpoint }: Pick<Cloud, 'endpoint'>, name: string): Promise<FunctionState> {
  const response = await fetch(`${endpoint}/2015-03-31/functions/${encodeURIComponent(name)}/configuration`);
  if (!response.ok) throw new Error(`describing ${name}: ${response.status} ${await response.text()}`);
  return (await response.json()) as FunctionState;
}
