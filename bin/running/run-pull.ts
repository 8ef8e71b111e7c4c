import { existsSync } from 'node:fs';
import type { PullCounts } from '../../core/pull-messages.ts';
import type { PullResult } from '../../edge/control-requests.ts';
import { nodeDirectory } from '../../edge/node-directory.ts';
import { readAddress } from './hub-address.ts';
import { askIfRunning, chooseNode, notRunning, PULL_TIMEOUT_MS } from './node-client.ts';
import { pullByHub } from './pull-by-hub.ts';

/** Options of `headwater pull`; times in ms since 1970 UTC. */
export interface PullOptions {
  stream: string;
  device?: string;
  from: number;
  to: number;
  data: string;
  hub?: string;
  /** ms. @default 1 h */
  timeout?: number;
  json?: true;
}

/** Asks the node itself if it runs on the data directory, else its hub; `--hub` asks the hub in any case. */
export async function runPull(node: string, options: PullOptions): Promise<void> {
  const { stream, from, to, json } = options;
  if (from >= to) {
    throw new Error(`--from ${new Date(from).toISOString()} is not before --to ${new Date(to).toISOString()}`);
  }
  const { pulled, pulledBefore, unreadable, agedOut, stillLocal } =
    (await pullHere(node, options)) ?? (await pullAfar(node, options));
  const counts = { pulled, pulledBefore, unreadable, agedOut, stillLocal };
  if (json) process.stdout.write(`${JSON.stringify({ node, stream, ...counts }, null, 2)}\n`);
  else process.stdout.write(pullText(node, stream, counts));
}

/** Undefined if the node does not run on the data directory, or its hub is to be asked. */
async function pullHere(node: string, options: PullOptions): Promise<PullCounts | undefined> {
  const { stream, device, from, to, data, hub, timeout = PULL_TIMEOUT_MS } = options;
  if (hub !== undefined || !existsSync(nodeDirectory(data, node))) return undefined;
  return askIfRunning<Extract<PullResult, { ok: true }>>(
    data,
    node,
    { request: 'pull', stream, ...(device === undefined ? {} : { device }), fromMs: from, toMs: to },
    timeout,
  );
}

async function pullAfar(node: string, options: PullOptions): Promise<PullCounts> {
  const { stream, device, from, to, data, hub, timeout = PULL_TIMEOUT_MS } = options;
  if (hub === undefined && readAddress(data) === undefined) {
    throw new Error(
      `${notRunning(data, chooseNode({ node, data })).message}; of a node elsewhere name the hub with --hub URL`,
    );
  }
  const wish = { node, stream, ...(device === undefined ? {} : { device }), fromMs: from, toMs: to };
  return pullByHub({ data, ...(hub === undefined ? {} : { hub }) }, wish, { timeoutMs: timeout }, (line) =>
    process.stderr.write(`${line}\n`),
  );
}

/** What a pull did, and what it could not do. */
export function pullText(node: string, stream: string, result: PullCounts): string {
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
