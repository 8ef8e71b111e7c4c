import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkNodeLedger, type NodeLedger, sumOf } from '../../core/ledger.ts';
import { explainLedger, explainLost, type LedgerSentence } from '../../core/ledger-explain.ts';
import { type HubLedger, type NodeComparison, verdictOf } from '../../hub/ledger.ts';
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
  const found = await askHub<HubLedger>(options, '/ledger').catch((error: Error) => {
    if (!existsSync(join(options.data, 'nodes'))) throw error;
    const advice = `of the nodes on this machine "headwater ledger --explain --data ${options.data}" tells without a hub`;
    throw new Error(`${error.message}; ${advice}`);
  });
  const ledger = ofNode(found, options.node);
  process.stdout.write(options.json ? `${JSON.stringify(ledger, null, 2)}\n` : ledgerText(ledger));
  process.exitCode = ledger.verdict === 'not-balanced' ? EXIT.problem : EXIT.ok;
}

function ofNode(ledger: HubLedger, node: string | undefined): HubLedger {
  if (node === undefined) return ledger;
  const nodes = ledger.nodes.filter((one) => one.node === node);
  if (nodes.length === 0) throw new Error(`the hub knows no node "${node}": headwater ledger lists them`);
  const verdict = verdictOf(nodes);
  return { ...ledger, nodes, verdict, balanced: verdict === 'balanced' || verdict === 'balanced-as-of' };
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
  const sentences = [
    ...known.flatMap((side) => explainLedger(side, farOf(side.node)?.far)),
    ...(hub?.nodes ?? [])
      .filter(({ node }) => only === undefined || node === only)
      .flatMap(({ node, lost }) => explainLost(node, lost)),
  ];
  const differences = [
    ...known.flatMap((side) => farOf(side.node)?.differences ?? checkNodeLedger(side)),
    ...untold.flatMap((node) => node.differences),
  ];
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
    ...untold.map(({ node, stated, statedAtMs, far }) => {
      const sum = (counts: readonly number[]): string =>
        counts.reduce((all, one) => all + one, 0).toLocaleString('en-US');
      const word =
        statedAtMs === undefined
          ? 'the node has not stated anything yet'
          : `at ${new Date(statedAtMs).toISOString()} the node had enqueued ${sum(stated.map(({ enqueued }) => enqueued))}, of which ${sum(stated.map(({ open }) => open))} were waiting or in doubt and ${sum(stated.map(({ givenUp }) => sumOf(givenUp)))} given up`;
      return `${node}:\n  The hub stored ${sum(far.lanes.map(({ indexed }) => indexed))} of its records; ${word}.\n      → run this on the machine of the node, with its --data, for the whole story\n`;
    }),
  ].join('\n');
