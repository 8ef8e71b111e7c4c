import type { PullResult } from '../../edge/control-requests.ts';
import { askNode, chooseNode, PULL_TIMEOUT_MS } from './node-client.ts';

/** Options of `headwater pull`; times in ms since 1970 UTC. */
export interface PullOptions {
  stream: string;
  device?: string;
  from: number;
  to: number;
  data: string;
  json?: true;
}

export async function runPull(name: string, { stream, device, from, to, data, json }: PullOptions): Promise<void> {
  if (from >= to) {
    throw new Error(`--from ${new Date(from).toISOString()} is not before --to ${new Date(to).toISOString()}`);
  }
  const node = chooseNode({ node: name, data });
  const result = await askNode<Extract<PullResult, { ok: true }>>(
    data,
    node,
    { request: 'pull', stream, ...(device === undefined ? {} : { device }), fromMs: from, toMs: to },
    PULL_TIMEOUT_MS,
  );
  const { ok: _ok, ...counts } = result;
  if (json) process.stdout.write(`${JSON.stringify({ node, stream, ...counts }, null, 2)}\n`);
  else process.stdout.write(pullText(node, stream, result));
}

/** What a pull did, and what it could not do. */
export function pullText(node: string, stream: string, result: Extract<PullResult, { ok: true }>): string {
  const { pulled, pulledBefore, unreadable, agedOut, stillLocal } = result;
  const lines = [
    `node ${node}: ${pulled} records of ${stream} travel now`,
    ...(pulledBefore > 0 ? [`${pulledBefore} of these times were pulled before`] : []),
    `${stillLocal} records of ${stream} are still local only, outside of what was asked for`,
    ...(agedOut > 0
      ? [
          `${agedOut} have aged out of the node's disk${unreadable > 0 ? ', or are damaged' : ''}; whether any was of these times is not known (journal.localBytes)`,
        ]
      : []),
    ...(unreadable > 0 ? [`${unreadable} local positions are damaged and cannot be read`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
