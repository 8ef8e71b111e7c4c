import { expect, test } from '@jest/globals';
import { formatDuration } from '../../core/duration.ts';
import * as envelope from '../../core/envelope.ts';
import { FLOW } from '../../core/flow.ts';
import * as messages from '../../core/messages.ts';
import { PRIORITY_CONTRACT } from '../../core/priority.ts';
import * as value from '../../core/value.ts';
import { readText, tableRows } from './pages.ts';

const byTopic = (a: { topic: string }, b: { topic: string }): number => a.topic.localeCompare(b.topic);

test("README's picture shows every hop of core/flow.ts, in its direction, and no other", () => {
  const picture = /```mermaid\n([\s\S]*?)```/.exec(readText('README.md'))![1]!;
  const arrows = [...picture.matchAll(/(\w+) -- "(headwater\/[^"]+)" --> (\w+)/g)];
  const shown = arrows.map(([, from, topic, to]) => ({ topic: topic!, from: from!, to: to! }));
  // A node sends through forward, the far side through its broker.
  const ends = { node: 'forward', 'far-side': 'broker' } as const;
  const expected = FLOW.map(({ topic, from, to }) => ({ topic, from: ends[from], to: ends[to] }));
  expect(shown.sort(byTopic)).toEqual(expected.sort(byTopic));
});

test('the hops of docs/architecture.md are those of core/flow.ts', () => {
  const rows = tableRows(readText('docs/architecture.md')).filter(([, topic]) => topic?.startsWith('`headwater/'));
  expect(rows).toEqual(FLOW.map(({ hop, topic, from, carries }) => [hop, `\`${topic}\``, from, carries]));
});

test('the contract of docs/adr/0005-sending.md is that of the code', () => {
  const rows = tableRows(readText('docs/adr/0005-sending.md'));
  expect(rows).toEqual(
    Object.entries(PRIORITY_CONTRACT).map(([priority, terms]) => [
      priority,
      String(terms.retries),
      formatDuration(terms.initialTimeoutMs),
      String(terms.backoffFactor),
      formatDuration(terms.maxTimeoutMs),
      terms.ttlMs === 'never' ? 'never' : formatDuration(terms.ttlMs),
      terms.compression,
    ]),
  );
});

test('the bounds of docs/architecture.md are those of the code', () => {
  const constants: Record<string, unknown> = { ...envelope, ...messages, ...value };
  const rows = tableRows(readText('docs/architecture.md')).filter(([, name]) => name?.startsWith('`MAX_'));
  expect(rows.length).toBe(10);
  for (const [what, name] of rows) expect(Number(what!.split(': ')[1])).toBe(constants[name!.replaceAll('`', '')]);
});
