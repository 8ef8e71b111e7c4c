import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkNodeLedger, type NodeLedger } from '../../core/ledger.ts';
import { explainLedger, type LedgerSentence } from '../../core/ledger-explain.ts';
import type { HubLedger, NodeComparison } from '../../hub/ledger.ts';
import { EXIT } from '../program.ts';
import { explainText } from './explain-text.ts';
import { askHub, type HubClientOptions } from './hub-client.ts';
import { ledgerText } from './ledger-text.ts';
import { askIfRunning, nodesIn } from './node-client.ts';

/** Options of `headwater ledger`. */
export interface LedgerOptions extends HubClientOptions {
  node?: string;
  explain?: true;
  json?: true;
}

/** Shows both sides, or tells in sentences where the readings of each node went. */
export async function runLedger(options: LedgerOptions): Promise<void> {
  if (options.explain) return explain(options);
  const ledger = ofNode(await askHub<HubLedger>(options, '/ledger'), options.node);
  process.stdout.write(options.json ? `${JSON.stringify(ledger, null, 2)}\n` : ledgerText(ledger));
  process.exitCode = ledger.balanced ? EXIT.ok : EXIT.problem;
}

function ofNode(ledger: HubLedger, node: string | undefined): HubLedger {
  if (node === undefined) return ledger;
  const nodes = ledger.nodes.filter((one) => one.node === node);
  if (nodes.length === 0) throw new Error(`the hub knows no node "${node}": headwater ledger lists them`);
  return { ...ledger, nodes, balanced: nodes.every(({ differences }) => differences.length === 0) };
}

async function explain(options: LedgerOptions): Promise<void> {
  const { data, node: only } = options;
  const [hub, noHub] = await askHub<HubLedger>(options, '/ledger').then(
    (ledger) => [ledger, undefined] as const,
    (error: Error) => [undefined, error] as const,
  );
  const sides = new Map<string, NodeLedger>();
  for (const { node, side } of hub?.nodes ?? []) if (side) sides.set(node, side);
  for (const node of existsSync(join(data, 'nodes')) ? nodesIn(data) : []) {
    if (sides.has(node) || (only !== undefined && node !== only)) continue;
    const found = await askIfRunning<{ ledger: NodeLedger }>(data, node, { request: 'status' });
    if (found) sides.set(node, found.ledger);
  }
  const known = [...sides.values()].filter(({ node }) => only === undefined || node === only);
  const farOf = (node: string): NodeComparison | undefined => hub?.nodes.find((one) => one.node === node);
  const untold = (hub?.nodes ?? []).filter(
    ({ node, inFleet }) => inFleet && !sides.has(node) && (only === undefined || node === only),
  );
  if (known.length === 0 && untold.length === 0) throw noHub ?? new Error(unknownNode(only, data));
  const sentences = known.flatMap((side) => explainLedger(side, farOf(side.node)?.far));
  const differences = known.flatMap((side) => farOf(side.node)?.differences ?? checkNodeLedger(side));
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ balanced: differences.length === 0, sentences, differences }, null, 2)}\n`
      : textOf(sentences, untold),
  );
  if (noHub) process.stderr.write(`only the side of the nodes is told: ${noHub.message}\n`);
  for (const { node, what, left, right } of differences) {
    process.stderr.write(`${node}: ${what}: ${left} against ${right}\n`);
  }
  process.exitCode = differences.length === 0 ? EXIT.ok : EXIT.problem;
}

const unknownNode = (node: string | undefined, data: string): string =>
  `nothing is known of ${node === undefined ? 'any node' : `node "${node}"`}: ask where it runs, with --data (now ${data})`;

const textOf = (sentences: readonly LedgerSentence[], untold: readonly NodeComparison[]): string =>
  [
    ...(sentences.length > 0 ? [explainText(sentences)] : []),
    ...untold.map(({ node, stated, far }) => {
      const sum = (counts: readonly number[]): string =>
        counts.reduce((all, one) => all + one, 0).toLocaleString('en-US');
      return `${node}:\n  The hub stored ${sum(far.lanes.map(({ indexed }) => indexed))} of its records; the node's last word was of ${sum(stated.map(({ enqueued }) => enqueued))} enqueued and ${sum(far.lanes.map(({ givenUp }) => givenUp))} given up.\n      → run this on the machine of the node, with its --data, for the whole story\n`;
    }),
  ].join('\n');
