import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { StoreLedger } from '../../adapters/embedded/store-counts.ts';
import { ledgerText } from '../../bin/running/ledger-text.ts';
import { noTotals } from '../../core/lane-fates.ts';
import type { NodeLedger } from '../../core/ledger.ts';
import type { CountStatement } from '../../core/messages.ts';
import { PRIORITIES } from '../../core/priority.ts';
import { type HubLedger, hubLedgerOf } from '../../hub/ledger.ts';
import { createStatementBook } from '../../hub/statement-book.ts';
import { EPOCH_A, EPOCH_B, envelopeOf } from '../helpers/envelopes.ts';
import { changeOf } from '../helpers/store-change.ts';
import { openStore, withDirectory } from '../helpers/stores.ts';

/** An error of one, planted in each of the three counts, on the real store. */

const NODE = 'node-a';
const STORED = 30;

/** The node's half that goes with the store of `withStore`: 100 readings, of which 30 are kept and delivered. */
const nodeSide = (): NodeLedger => ({
  node: NODE,
  sources: { bench: { collected: 90, refused: { 'not-finite': 5 } }, gauge: { collected: 10, refused: {} } },
  streams: [
    { stream: 'temperature', priority: 'normal', filtered: 40, absorbed: 11, held: 2, kept: 25, local: 0 },
    { stream: 'level', priority: 'normal', filtered: 3, absorbed: 0, held: 0, kept: 5, local: 9 },
  ],
  lanes: PRIORITIES.map((priority) => {
    const count = priority === 'normal' ? STORED : 0;
    return { priority, enqueued: count, ...noTotals(), delivered: count, elsewhere: 0, waiting: 0, inDoubt: 0 };
  }),
  localHeld: 4,
});

/** A store with 20 sealed and 10 staged rows of one lane, closed, changed by `tamper`, opened again. */
async function storeAfter(tamper?: (sql: Sql, parquet: string) => Promise<void>): Promise<StoreLedger> {
  return withDirectory(async (directory) => {
    const store = await openStore(directory);
    for (const [version, from] of [0, 10, 20].entries()) {
      if (from === 20) await store.seal();
      expect(await store.commit(changeOf(envelopeOf(from, from + 10), version))).toBe('committed');
    }
    await store.close();
    if (tamper) await tamperWith(directory, tamper);
    const again = await openStore(directory);
    const ledger: StoreLedger = await again.ledger().finally(() => again.close());
    expect(ledger.size).toMatchObject({ files: 1 });
    return ledger;
  });
}

const compare = (store: StoreLedger, side = nodeSide()): HubLedger => hubLedgerOf(store, [NODE], [side]);
const ledgerAfter = async (tamper?: (sql: Sql, parquet: string) => Promise<void>): Promise<HubLedger> =>
  compare(await storeAfter(tamper));

type Sql = (text: string) => Promise<number>;

async function tamperWith(directory: string, tamper: (sql: Sql, parquet: string) => Promise<void>): Promise<void> {
  const instance = await DuckDBInstance.create(join(directory, 'hub.duckdb'));
  const connection = await instance.connect();
  try {
    const [file] = (await connection.runAndReadAll('SELECT name FROM files')).getRows();
    await tamper(async (text) => (await connection.run(text)).rowsChanged, join(directory, 'cold', String(file![0])));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const whatDiffers = ({ nodes }: HubLedger): string[] =>
  nodes.flatMap(({ differences }) => differences.map(({ what, left, right }) => `${what}: ${left}, ${right}`));

test('untouched, the three counts agree', async () => {
  const ledger = await ledgerAfter();
  expect(whatDiffers(ledger)).toEqual([]);
  expect(ledger.balanced).toBe(true);
  expect(ledger.nodes[0]!.far.lanes[2]).toEqual({ priority: 'normal', indexed: STORED, rows: STORED, givenUp: 0 });
});

describe('one row off', () => {
  const oneLess = [
    expect.stringMatching(/positions in rows = positions in the index: 29, 30$/),
    'normal: rows by SQL = positions in the index: 29, 30',
  ];

  test('a staged row is gone', async () => {
    const ledger = await ledgerAfter(async (sql) => {
      expect(await sql('DELETE FROM staged WHERE position = 25')).toBe(1);
    });
    expect(ledger.balanced).toBe(false);
    expect(whatDiffers(ledger)).toEqual(oneLess);
  });

  test('a row of a Parquet file is gone', async () => {
    const ledger = await ledgerAfter(async (sql, parquet) => {
      const rest = `SELECT * FROM read_parquet('${parquet}', hive_partitioning = false) WHERE position <> 7`;
      expect(await sql(`COPY (${rest}) TO '${parquet}.new' (FORMAT parquet)`)).toBe(19);
      await rename(`${parquet}.new`, parquet);
    });
    expect(ledger.balanced).toBe(false);
    expect(whatDiffers(ledger)).toEqual(oneLess);
  });

  test('a row is there twice: staged still, and sealed', async () => {
    const ledger = await ledgerAfter(async (sql, parquet) => {
      const twice = `SELECT *, 1 FROM read_parquet('${parquet}', hive_partitioning = false) WHERE position = 7`;
      expect(await sql(`INSERT INTO staged ${twice}`)).toBe(1);
    });
    expect(ledger.balanced).toBe(false);
    expect(whatDiffers(ledger)).toEqual([
      expect.stringMatching(/rows = different positions: 31, 30$/),
      'normal: rows by SQL = positions in the index: 31, 30',
    ]);
  });
});

describe('one position of the index off', () => {
  const setStored = (ranges: string) => async (sql: Sql) => {
    expect(await sql(`UPDATE lanes SET stored = '${ranges}'`)).toBe(1);
  };

  test.each([
    ['the last is missing', '[[0,29]]', 29],
    ['the first is missing', '[[1,30]]', 29],
    ['one in the middle is missing', '[[0,12],[13,30]]', 29],
    ['one too many', '[[0,31]]', 31],
  ])('%s', async (_name, ranges, indexed) => {
    const ledger = await ledgerAfter(setStored(ranges));
    expect(ledger.balanced).toBe(false);
    expect(whatDiffers(ledger)).toEqual([
      expect.stringContaining(`positions in rows = positions in the index: 30, ${indexed}`),
      `normal: rows by SQL = positions in the index: 30, ${indexed}`,
      indexed < 30 ? 'normal: stored ≥ delivered: 29, 30' : 'normal: stored ≤ delivered + in doubt: 31, 30',
    ]);
  });
});

describe("one counter of the node's ledger off", () => {
  type Planted = [name: string, plant: (side: NodeLedger, by: number) => void];
  const lane = (side: NodeLedger) => side.lanes[2]!;
  const counters: Planted[] = [
    ['collected', (side, by) => (side.sources.bench!.collected += by)],
    ['collected of another source', (side, by) => (side.sources.gauge!.collected += by)],
    ['refused', (side, by) => (side.sources.bench!.refused['not-finite']! += by)],
    ['filtered', (side, by) => (side.streams[0]!.filtered += by)],
    ['absorbed', (side, by) => (side.streams[0]!.absorbed += by)],
    ['held', (side, by) => (side.streams[0]!.held += by)],
    ['kept', (side, by) => (side.streams[0]!.kept += by)],
    ['local', (side, by) => (side.streams[1]!.local += by)],
    ['enqueued', (side, by) => (lane(side).enqueued += by)],
    ['delivered', (side, by) => (lane(side).delivered += by)],
    ['expired', (side, by) => (lane(side).expired += by)],
    ['evicted', (side, by) => (lane(side).evicted += by)],
    ['dead-lettered', (side, by) => (lane(side).deadLettered['no-answer'] = by)],
    ['damaged', (side, by) => (lane(side).damaged += by)],
    ['waiting', (side, by) => (lane(side).waiting += by)],
  ];
  let store: StoreLedger;
  beforeAll(async () => {
    store = await storeAfter();
  });

  test.each(counters.flatMap(([name, plant]) => [1, -1].map((by) => ({ name, plant, by }))))(
    '$name by $by',
    ({ plant, by }) => {
      expect(compare(store).balanced).toBe(true);
      const side = nodeSide();
      plant(side, by);
      const ledger = compare(store, side);
      expect(ledger.balanced).toBe(false);
      expect(ledger.nodes[0]!.differences.every(({ left, right }) => Math.abs(left - right) === 1)).toBe(true);
    },
  );

  test('what was sent and not answered may be stored or not', () => {
    const cut = (delivered: number, inDoubt: number): boolean => {
      const side = nodeSide();
      Object.assign(lane(side), { delivered, inDoubt, waiting: STORED - delivered });
      return compare(store, side).balanced;
    };
    expect(cut(30, 0)).toBe(true);
    expect(cut(25, 5)).toBe(true);
    expect(cut(20, 10)).toBe(true);
    expect(cut(25, 4)).toBe(false);
  });
});

test('a node that left the fleet is still compared', async () => {
  const store = await storeAfter(async (sql) => {
    expect(await sql('DELETE FROM staged WHERE position = 25')).toBe(1);
  });
  const ledger = hubLedgerOf(store, ['node-new'], []);
  expect(ledger.nodes.map(({ node, inFleet }) => [node, inFleet])).toEqual([
    ['node-new', true],
    [NODE, false],
  ]);
  expect(ledger.balanced).toBe(false);
});

describe('a node elsewhere', () => {
  const AT = Date.UTC(2026, 0, 1);
  const key = { node: NODE, producer: 'edge', epoch: EPOCH_A, lane: 2 as const };
  const lane = (over: Partial<StoreLedger['lanes'][number]> = {}): StoreLedger['lanes'][number] => ({
    key,
    priority: 'normal',
    rows: 30,
    positions: 30,
    stored: 30,
    givenUp: 5,
    stated: { upTo: 50, delivered: 28, atMs: AT - 1, storedBelow: 29, givenUpBelow: 5 },
    ...over,
  });
  /** 50 = 28 delivered + 5 given up + 17 waiting. */
  const word = { upTo: 50, delivered: 28, rest: { waiting: 17, expired: 3, evicted: 2, doubtful: 4 } };
  const storeOf = (...lanes: StoreLedger['lanes']): StoreLedger => ({
    farSide: 'far-1',
    lanes,
    streams: [],
    size: { staged: 0, files: 0, rows: 0, bytes: 0, poison: { messages: 0, dropped: 0 } as never },
  });
  const ledgerOf = (store: StoreLedger, lanes?: object[], whole = true): HubLedger => {
    const book = createStatementBook();
    if (lanes) book.note(NODE, { type: 'counts', lanes: lanes as CountStatement['lanes'], whole }, AT);
    return hubLedgerOf(store, [NODE], [], book.latestOf);
  };
  const stating = (over: object = {}) => [{ ...key, givenUp: [], ...word, ...over }];

  test('is shown as it stated itself, and balanced as of that time', () => {
    const ledger = ledgerOf(storeOf(lane()), stating());
    expect(ledger).toMatchObject({ verdict: 'balanced-as-of', balanced: true });
    expect(ledger.nodes[0]).toMatchObject({
      checked: 'as-of',
      statedAtMs: AT,
      stated: [
        {
          priority: 'normal',
          enqueued: 50,
          delivered: 28,
          waiting: 17,
          inDoubt: 4,
          open: 17,
          givenUp: { expired: 3, evicted: 2 },
        },
      ],
    });
    const text = ledgerText(ledger);
    expect(text).toMatch(/^node-a +normal +50 +28 +17 +4 +5 +30 +30$/m);
    expect(text).toMatch(/^node-a: as it stated at 2026-01-01T00:00:00.000Z$/m);
    expect(text).toMatch(/^node-a normal: 5 given up: 3 expired \(.*\), 2 evicted \(.*\)$/m);
    expect(text).toMatch(/^balanced as of 2026-01-01T00:00:00.000Z: the records of 1 node/m);
  });

  test.each([
    ['enqueued', { upTo: 51 }],
    ['delivered', { delivered: 27 }],
    ['waiting', { rest: { ...word.rest, waiting: 18 } }],
    ['expired', { rest: { ...word.rest, expired: 4 } }],
    ['dead-lettered', { rest: { ...word.rest, deadLettered: 1 } }],
    ['damaged', { rest: { ...word.rest, damaged: 1 } }],
    ['elsewhere', { rest: { ...word.rest, elsewhere: 1 } }],
  ])('%s one off in its books is a difference', (_what, over) => {
    const ledger = ledgerOf(storeOf(lane()), stating(over));
    expect([ledger.verdict, ledger.balanced]).toEqual(['not-balanced', false]);
    expect(whatDiffers(ledger)).toEqual([expect.stringContaining('enqueued (node) = delivered')]);
  });

  test('more stored than it can have sent is a difference', () => {
    const store = lane({ stated: { ...lane().stated!, storedBelow: 50 } });
    expect(whatDiffers(ledgerOf(storeOf(store), stating()))).toEqual([expect.stringMatching(/stored ≤ .*: 50, 49$/)]);
  });

  test('after a restart of the hub only what outlives it is known: the rest is waiting or in doubt', () => {
    const ledger = ledgerOf(storeOf(lane()));
    expect(ledger).toMatchObject({ verdict: 'unknown', balanced: false });
    expect(ledger.nodes[0]).toMatchObject({
      checked: 'no',
      statedAtMs: AT - 1,
      stated: [
        { enqueued: 51, delivered: 28, waiting: undefined, inDoubt: undefined, open: 16, givenUp: { earlier: 5 } },
      ],
    });
    const text = ledgerText(ledger);
    expect(text).toMatch(/^node-a +normal +51 +28 +16\? +5 +30 +30$/m);
    expect(text).toMatch(/^unknown: nothing differs, but 1 node has not stated all/m);
  });

  test('an older release states too little: the same', () => {
    expect(ledgerOf(storeOf(lane()), stating({ rest: undefined }), false).verdict).toBe('unknown');
  });

  test('a lane that it has finished with is as the store has it', () => {
    const earlier = lane({ key: { ...key, epoch: EPOCH_B }, stated: undefined });
    const [node] = ledgerOf(storeOf(lane(), earlier), stating()).nodes;
    expect(node!.stated).toMatchObject([
      { enqueued: 85, delivered: 58, waiting: 17, givenUp: { expired: 3, evicted: 2, earlier: 5 } },
    ]);
  });

  describe('that names a lane no more', () => {
    const old = lane(); // counted to 50: 29 of them stored, 5 given up
    const now = { ...key, epoch: EPOCH_B };
    const fresh = lane({
      key: now,
      stored: 5,
      rows: 5,
      positions: 5,
      givenUp: 0,
      stated: { upTo: 5, delivered: 5, atMs: AT, storedBelow: 5, givenUpBelow: 0 },
    });
    const all = (upTo = 5) => ({ ...now, upTo, delivered: upTo, givenUp: [] });
    const both = [...stating(), all()];
    type Said = [lanes: object[], forgotten?: number];
    const heard = (store: StoreLedger, ...statements: Said[]): HubLedger => {
      const book = createStatementBook();
      for (const [lanes, forgotten] of statements) {
        const stated = lanes as CountStatement['lanes'];
        book.note(NODE, { type: 'counts', lanes: stated, whole: true, forgotten }, AT);
      }
      return hubLedgerOf(store, [NODE], [], book.latestOf);
    };

    test('because it lost its journal: what has no fate is told, and is not balanced', () => {
      const ledger = heard(storeOf(old, fresh), [stating()], [[all()]]);
      expect(ledger).toMatchObject({ verdict: 'not-balanced', balanced: false });
      expect(ledger.nodes[0]).toMatchObject({
        lost: { critical: 0, high: 0, normal: 16, low: 0 },
        stated: [{ enqueued: 56, lost: 16, open: 0 }],
      });
      expect(whatDiffers(ledger)).toEqual([
        'normal: records without a fate, of a journal that the node has no more: 16, 0',
      ]);
      expect(ledgerText(ledger)).toMatch(/^node-a normal: 16 without a fate/m);
      // And it stays so.
      expect(heard(storeOf(old, fresh), [stating()], [[all()]], [[all()]], [[all(9)]]).verdict).toBe('not-balanced');
    });

    test('whether it runs in this process or not', () => {
      const side = nodeSide();
      const book = createStatementBook();
      for (const lanes of [stating(), [all()]]) {
        book.note(NODE, { type: 'counts', lanes: lanes as CountStatement['lanes'], whole: true }, AT);
      }
      const empty = lane({
        rows: 0,
        positions: 0,
        stored: 0,
        stated: { ...old.stated!, delivered: 0, storedBelow: 0 },
      });
      const rest = lane({ ...fresh, stored: 30, rows: 30, positions: 30 });
      expect(hubLedgerOf(storeOf(empty, rest), [NODE], [side], book.latestOf).nodes[0]!.differences).toMatchObject([
        { left: 45, right: 0 },
      ]);
    });

    test('because it is delivered or given up to the last: balanced', () => {
      const done = lane({ stated: { ...old.stated!, storedBelow: 45 }, stored: 45, rows: 45, positions: 45 });
      expect(heard(storeOf(done, fresh), [stating()], [[all()], 50])).toMatchObject({ verdict: 'balanced-as-of' });
      expect(heard(storeOf(done, fresh), [stating()], [[all()]])).toMatchObject({ verdict: 'balanced-as-of' });
    });

    test('because another far side has the rest of it: balanced, also after a restart of the hub', () => {
      for (const statements of [[[stating()], [[all()], 50]], [[[all()], 50]]] as Said[][]) {
        const ledger = heard(storeOf(old, fresh), ...statements);
        expect(ledger).toMatchObject({ verdict: 'balanced-as-of' });
        expect(ledger.nodes[0]!.stated).toMatchObject([{ enqueued: 56, elsewhere: 16, lost: 0, open: 0 }]);
        expect(ledgerText(ledger)).toMatch(/^node-a normal: 16 delivered to another far side/m);
      }
    });

    test('and no other, because it has nothing left: balanced if it counts them, unknown if not', () => {
      expect(heard(storeOf(old, fresh), [[], 55])).toMatchObject({ verdict: 'balanced-as-of' });
      expect(heard(storeOf(old, fresh), [both], [[]])).toMatchObject({ verdict: 'unknown' });
    });

    test('in the first statement since the start of the hub: unknown until another says more', () => {
      const first: Said = [[all()]];
      expect(heard(storeOf(old, fresh), first)).toMatchObject({ verdict: 'unknown', nodes: [{ lost: { normal: 0 } }] });
      expect(heard(storeOf(old, fresh), first, first)).toMatchObject({ verdict: 'unknown' });
      expect(heard(storeOf(old, fresh), first, [[all(6)]])).toMatchObject({ nodes: [{ lost: { normal: 16 } }] });
    });

    test('in a statement that came late or twice: never lost', () => {
      // The same lane is named with a lower count: older, and passed over.
      const store = storeOf(old, fresh);
      expect(heard(store, [[...stating(), all(6)]], [[all(5)]])).toMatchObject({ verdict: 'balanced-as-of' });
      // Nothing tells its age.
      expect(heard(store, [both], [[all()]])).toMatchObject({ verdict: 'unknown', nodes: [{ lost: { normal: 0 } }] });
      expect(heard(store, [both], [[all()]], [both])).toMatchObject({ verdict: 'balanced-as-of' });
      expect(heard(store, [both], [[all()]], [[all(6)]])).toMatchObject({ verdict: 'not-balanced' });
    });

    test('but was stated since the words of the node were read: unknown', () => {
      const later = lane({ stated: { ...old.stated!, atMs: AT + 1 } });
      expect(heard(storeOf(later, fresh), [stating()], [[all()]])).toMatchObject({
        verdict: 'unknown',
        nodes: [{ lost: { normal: 0 } }],
      });
    });
  });

  test('one that was never heard of makes it unknown; one that left the fleet does not', () => {
    expect(ledgerOf(storeOf()).verdict).toBe('unknown');
    expect(ledgerText(ledgerOf(storeOf()))).toMatch(/^node-a: has not stated anything yet/m);
    const gone = hubLedgerOf(storeOf(lane({ stated: undefined })), [], []);
    expect(gone).toMatchObject({ verdict: 'balanced', nodes: [{ inFleet: false }] });
  });
});
