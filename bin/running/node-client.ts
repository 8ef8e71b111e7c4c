import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { askControlSocket } from '../../adapters/embedded/control-socket-client.ts';
import type { ControlAnswer, ControlQuestion } from '../../edge/control-requests.ts';
import { nodeDirectory } from '../../edge/node-directory.ts';

/** Options of every command that asks a running node. */
export interface NodeClientOptions {
  node?: string;
  data: string;
}

const TIMEOUT_MS = 60_000;
/** It may read the whole share of the disk that local records have. */
export const PULL_TIMEOUT_MS = 3_600_000;

/** The names of the nodes that have a directory in the data directory. */
export function nodesIn(data: string): string[] {
  const folder = join(data, 'nodes');
  if (!existsSync(folder)) throw new Error(`no node ever ran on ${data}: name its directory with --data`);
  return readdirSync(folder).sort();
}

/** The node as given, else the only one of the data directory. */
export function chooseNode({ node, data }: NodeClientOptions): string {
  const all = nodesIn(data);
  const names = all.length > 0 ? all.slice(0, 8).join(', ') + (all.length > 8 ? ` … (${all.length})` : '') : 'none';
  if (node !== undefined) {
    if (!all.includes(node)) throw new Error(`no node "${node}" in ${data}; it has ${names}`);
    return node;
  }
  if (all.length !== 1) throw new Error(`${data} has ${all.length} nodes: choose one with --node (${names})`);
  return all[0]!;
}

/**
 * Asks the running node; undefined if it does not run.
 *
 * @throws Error with the node's words if it refuses
 */
export async function askIfRunning<T>(
  data: string,
  node: string,
  question: ControlQuestion,
  timeoutMs = TIMEOUT_MS,
): Promise<T | undefined> {
  const answer = (await askControlSocket(nodeDirectory(data, node), question, timeoutMs)) as ControlAnswer | undefined;
  if (answer === undefined) return undefined;
  if (!answer.ok) throw new Error(`node ${node}: ${answer.error}: ${answer.detail}`);
  return answer.value as T;
}

/** The same, of a node that has to run: what it holds is encrypted, and its own. */
export async function askNode<T>(
  data: string,
  node: string,
  question: ControlQuestion,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const value = await askIfRunning<T>(data, node, question, timeoutMs);
  if (value === undefined) throw notRunning(data, node);
  return value;
}

export const notRunning = (data: string, node: string): Error =>
  new Error(
    `node ${node} does not run on ${data}: start it (headwater node FLEET --node ${node}, or headwater start FLEET), then ask again`,
  );
