import type { LedgerSentence } from '../../core/ledger-explain.ts';
import { visible } from '../table.ts';

/** The sentences of each node under its name; what to do is indented. */
export function explainText(sentences: readonly LedgerSentence[]): string {
  const nodes = [...new Set(sentences.map(({ node }) => node))];
  return nodes
    .map((node) => {
      const own = sentences.filter((sentence) => sentence.node === node);
      return [`${node}:`, ...own.flatMap(linesOf)].map((line) => `${visible(line)}\n`).join('');
    })
    .join('\n');
}

const linesOf = ({ text, todo }: LedgerSentence): string[] => [
  `  ${text}`,
  ...(todo === undefined ? [] : [`      → ${todo}`]),
];
