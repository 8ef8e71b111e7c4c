import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noTotals } from '../../core/lane-fates.ts';
import { type FarSideLedger, type NodeLedger, noStreamCounts } from '../../core/ledger.ts';
import { DEAD_LETTER_ADVICE, REFUSAL_ADVICE } from '../../core/ledger-advice.ts';
import { explainLedger } from '../../core/ledger-explain.ts';
import { ledgerMetrics } from '../../core/ledger-metrics.ts';
import { PRIORITIES } from '../../core/priority.ts';
import { READING_REFUSALS } from '../../core/reading.ts';

const lane = { enqueued: 0, ...noTotals(), elsewhere: 0, waiting: 0, inDoubt: 0 };
const ledger = (): NodeLedger => ({
  node: 'n',
  sources: {
    bench: {
      collected: 1_200,
      refused: { 'not-a-number': 3, 'journal-full': 1 },
      refusedByClass: { critical: { 'not-a-number': 1 }, normal: { 'not-a-number': 2 } },
    },
  },
  streams: [
    { stream: 'temperature', priority: 'normal', ...noStreamCounts(), filtered: 1_000, kept: 96, held: 1 },
    { stream: 'raw', priority: 'low', ...noStreamCounts(), local: 90, absorbed: 9 },
  ],
  lanes: PRIORITIES.map((priority) =>
    priority === 'normal'
      ? {
          ...lane,
          priority,
          enqueued: 96,
          delivered: 60,
          expired: 1,
          evicted: 5,
          deadLettered: { 'no-answer': 7, 'not-allowed': 8 },
          discarded: 3,
          damaged: 4,
          elsewhere: 2,
          waiting: 11,
          inDoubt: 6,
        }
      : { ...lane, priority },
  ),
  localHeld: 80,
});

describe('explainLedger', () => {
  test('tells of each fate, in the order of the way, with what to do', () => {
    const told = explainLedger(ledger()).map(({ about, name, fate, count }) => `${about} ${name} ${fate} ${count}`);
    expect(told).toEqual([
      'source bench collected 1200',
      'source bench refused: not-a-number 3',
      'source bench refused: journal-full 1',
      'stream temperature filtered 1000',
      'stream temperature held 1',
      'stream temperature kept 96',
      'stream raw absorbed 9',
      'stream raw local 90',
      'node n aged-out 10',
      'priority normal enqueued 96',
      'priority normal delivered 60',
      'priority normal delivered elsewhere 2',
      'priority normal waiting 11',
      'priority normal in doubt 6',
      'priority normal expired 1',
      'priority normal evicted 5',
      'priority normal dead-lettered: no-answer 7',
      'priority normal dead-lettered: not-allowed 8',
      'priority normal discarded 3',
      'priority normal damaged 4',
    ]);
  });

  test('in sentences', () => {
    const far: FarSideLedger = { node: 'n', lanes: [{ priority: 'normal', indexed: 63, rows: 63, givenUp: 0 }] };
    const texts = explainLedger(ledger(), far).map(({ text, todo }) =>
      todo === undefined ? text : `${text} → ${todo}`,
    );
    expect(texts).toEqual(
      expect.arrayContaining([
        'Source bench handed over 1,200 readings; 1,196 of them were let in.',
        '1 reading of bench was refused: the journal was full, and nothing less important was left to make room. → restore the link, or give the node a larger journal.maxBytes',
        expect.stringMatching(/^3 readings of bench were refused: .* \(critical 1, normal 2\)\. →/),
        '60 records were delivered: the far side stored them. It holds 63 of this class.',
        '1 record expired: older than the time to live of normal before they could be delivered. → a longer priorities.normal.ttl, or a link that is up more of the time',
        '8 records became dead letters: the far side does not take records of this node. → name the node in the fleet file of the far side; then headwater dead-letters replay (or discard)',
      ]),
    );
  });

  test('says nothing of what is zero, and of a node without readings nothing at all', () => {
    expect(
      explainLedger({ node: 'n', sources: {}, streams: [], lanes: ledger().lanes.slice(0, 1), localHeld: 0 }),
    ).toEqual([]);
  });

  test('what a damaged block took from the counters is told as such, not as a source', () => {
    const damaged = { ...ledger(), sources: { '(damaged)': { collected: 5, refused: {} } } };
    expect(explainLedger(damaged)[0]).toMatchObject({ fate: 'counters lost', count: 5 });
  });

  test('each reason has its words and its remedy', () => {
    expect(Object.keys(REFUSAL_ADVICE).sort()).toEqual([...READING_REFUSALS].sort());
    for (const { because, todo } of [...Object.values(REFUSAL_ADVICE), ...Object.values(DEAD_LETTER_ADVICE)]) {
      expect(because).toMatch(/^[^A-Z].*[^.]$/);
      expect(todo).toMatch(/^[a-z].*[^.]$/);
    }
  });

  test('law: of every class the sentences on fates add up to what was enqueued', () => {
    const count = fc.nat(1_000_000);
    const counts = fc.record({
      delivered: count,
      expired: count,
      evicted: count,
      damaged: count,
      waiting: count,
      deadLettered: fc.record({ 'no-answer': count, 'too-large': count }, { requiredKeys: [] }),
    });
    fc.assert(
      fc.property(counts, ({ deadLettered, ...rest }) => {
        const dead = Object.values(deadLettered).reduce((sum, one) => sum + one, 0);
        const enqueued = Object.values(rest).reduce((sum, one) => sum + one, dead);
        const one = { ...lane, ...rest, deadLettered, enqueued, priority: 'high' as const };
        const told = explainLedger({ node: 'n', sources: {}, streams: [], lanes: [one], localHeld: 0 });
        const fates = told.filter(({ fate }) => fate !== 'enqueued');
        expect(fates.reduce((sum, sentence) => sum + sentence.count, 0)).toBe(enqueued);
      }),
    );
  });
});

test('ledgerMetrics: every number of the ledger is a sample, and of every class a sample is there', () => {
  const families = ledgerMetrics([ledger()]);
  const samples = families.flatMap(({ name, samples: own }) =>
    own.map(({ labels, value }) => `${name} ${Object.values(labels).join(' ')} ${value}`),
  );
  expect(samples).toEqual(
    expect.arrayContaining([
      'readings_collected_total n bench 1200',
      'readings_refused_total n bench not-a-number 3',
      'readings_refused_of_class_total n bench normal not-a-number 2',
      'readings n temperature normal filtered 1000',
      'readings n raw low local 90',
      'readings_local_on_disk n 80',
      'records_enqueued_total n normal 96',
      'records_enqueued_total n critical 0',
      'records_final n normal delivered 60',
      'records_final n normal expired 1',
      'records_final n normal evicted 5',
      'records_final n normal damaged 4',
      'records_dead_lettered n normal not-allowed 8',
      'records_waiting n normal 11',
      'records_in_doubt n normal 6',
      'records_delivered_elsewhere n normal 2',
    ]),
  );
});
