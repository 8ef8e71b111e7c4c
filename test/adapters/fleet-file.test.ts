import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadFleet, MAX_FLEET_FILE_BYTES, parseFleet } from '../../adapters/fleet-file.ts';

const problemsOf = (text: string): string[] => {
  const parsed = parseFleet(text);
  return parsed.ok ? [] : parsed.problems.map(({ line, column, message }) => `${line}:${column}: ${message}`);
};

const GOOD = `
version: 1
name: good
sites: {s: {}}
streams: {t: {}}
deviceGroups:
  g: {streams: [t], source: {type: file, path: a.csv, columns: {t: T}}}
nodes:
  - {name: a, site: s, deviceGroups: [g]}
`;

describe('a fleet file', () => {
  test('gives the fleet, with units turned into numbers and defaults filled in', () => {
    const parsed = parseFleet(GOOD);
    expect(parsed).toMatchObject({
      ok: true,
      fleet: {
        seed: 1,
        streams: { t: { kind: 'number', sync: 60_000, priority: 'normal', filter: { type: 'none' } } },
        nodes: [{ journal: { maxBytes: 1024 ** 3 } }],
        uplink: [{ type: 'hub' }],
      },
    });
  });

  test('names every mistake of the schema at once, with its place, what was seen and what is allowed', () => {
    const text = `version: 2
name: Bad Name
seed: -1
sites: {s: {}, __proto__: {}}
streams:
  t: {kind: numbr, sync: soon, filter: {type: chang}, simulate: {shape: analog, base: x}}
  UP: {unit: 5}
  u: {filter: {type: change, percent: -1, pct: 4}, simulate: {shape: wave}}
deviceGroups:
  g: {streams: [], source: {type: simulate, every: 0s}, count: 0}
  h: {streams: [t]}
nodes:
  - {name: a, site: s, deviceGroups: g, journal: {maxBytes: 1B}}
extra: 1
`;
    const name = 'a name: 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit';
    expect(problemsOf(text)).toEqual([
      '1:10: version: expected 1 (seen 2)',
      `2:7: name: expected ${name} (seen "Bad Name")`,
      '3:7: seed: must be at least 0 (seen -1)',
      '4:16: sites.__proto__: this name is not allowed',
      '6:13: streams.t.kind: expected number, boolean, text, log, json or array (seen "numbr")',
      '6:26: streams.t.sync: expected a duration such as 30s or 5m (at most 7d), real-time or on-demand (seen "soon")',
      '6:47: streams.t.filter.type: expected none or change (seen "chang")',
      '6:87: streams.t.simulate.base: expected a number (seen "x")',
      `7:3: streams.UP: expected ${name}`,
      '8:39: streams.u.filter.percent: must be at least 0 (seen -1)',
      '8:43: streams.u.filter.pct: unknown key',
      '8:70: streams.u.simulate.shape: expected analog, states, switch, waveform, log or events (seen "wave")',
      '10:16: deviceGroups.g.streams: number of entries must be at least 1 (seen a list of 0)',
      '10:52: deviceGroups.g.source.every: expected between 10ms and 1d (seen "0s")',
      '10:64: deviceGroups.g.count: must be at least 1 (seen 0)',
      '11:6: deviceGroups.h.source: missing, expected a mapping (key: value)',
      '13:38: nodes.0.deviceGroups: expected a list (seen "g")',
      '13:61: nodes.0.journal.maxBytes: expected at least 1MiB (seen "1B")',
      '14:1: extra: unknown key',
    ]);
  });

  test('names what does not fit between its parts', () => {
    const text = `version: 1
name: bad
sites: {s: {}}
streams:
  t: {kind: number}
  b: {kind: boolean, simulate: {shape: analog, base: 1}}
deviceGroups:
  g: {streams: [t, nope], source: {type: simulate}, count: 20}
  i: {streams: [t], count: 3, source: {type: file, path: x, pace: recorded, columns: {b: T}}}
  constructor: {streams: [t], source: {type: system}, count: 2}
nodes:
  - {name: a, site: s, deviceGroups: [g, constructor, valueof, g]}
  - {name: a, site: q, count: 3, deviceGroups: [g]}
  - {name: a-001, site: constructor, deviceGroups: [g]}
`;
    expect(problemsOf(text)).toEqual([
      '6:40: streams.b.simulate.shape: shape analog makes number, but the stream is of kind boolean',
      '8:17: deviceGroups.g.streams.0: the group is simulated, but stream "t" has no model: add streams.t.simulate',
      '8:20: deviceGroups.g.streams.1: unknown stream "nope", known: t, b',
      '9:28: deviceGroups.i.count: a file without a device column is one device: leave count out, or set source.device',
      '9:67: deviceGroups.i.source.pace: pace recorded needs source.time',
      '9:86: deviceGroups.i.source.columns: stream "t" of the group has no column',
      '9:90: deviceGroups.i.source.columns.b: stream "b" is not in the streams of the group',
      '10:62: deviceGroups.constructor.count: a system source is one device: leave count out',
      '12:55: nodes.0.deviceGroups.2: unknown device group "valueof", known: g, i, constructor',
      '12:64: nodes.0.deviceGroups.3: device "g-001" is in this node twice; device names must differ within a node',
      '13:21: nodes.1.site: unknown site "q", known: s',
      '14:12: nodes.2.name: node "a-001" is there twice; node names are identities and must differ',
      '14:25: nodes.2.site: unknown site "constructor", known: s',
    ]);
  });

  test.each([
    [
      '{maxBytes: 512MiB, localBytes: 1GiB}',
      'localBytes: expected at most all of maxBytes, which is 536.9 MB (seen "1GiB")',
    ],
    [
      '{criticalReserve: 600MiB}',
      'criticalReserve: expected at most half of maxBytes, which is 1.1 GB (seen "600MiB")',
    ],
    ['{deadLetterBytes: 1GiB}', 'deadLetterBytes: expected at most half of maxBytes, which is 1.1 GB (seen "1GiB")'],
    [
      '{localBytes: 600MB, criticalReserve: 300MB, deadLetterBytes: 200MB, maxBytes: 1GB}',
      'maxBytes: expected at least localBytes 600.0 MB + criticalReserve 300.0 MB + deadLetterBytes 200.0 MB (seen "1GB")',
    ],
    [
      '{localBytes: 1GiB}',
      'maxBytes: expected at least localBytes 1.1 GB + criticalReserve 107.4 MB + deadLetterBytes 107.4 MB (seen nothing, so it is 1.1 GB)',
    ],
  ])('shares of the journal that cannot be had together: %s', (journal, problem) => {
    const text = GOOD.replace('{name: a,', `{name: a, journal: ${journal},`);
    expect(problemsOf(text).map((line) => line.replace(/^\d+:\d+: nodes\.0\.journal\./, ''))).toEqual([problem]);
  });

  test('a small journal has a small share for what stays local', () => {
    const loaded = parseFleet(GOOD.replace('{name: a,', '{name: a, journal: {maxBytes: 2MiB},'));
    expect(loaded.ok && loaded.fleet.nodes[0]!.journal.localBytes).toBe(512 * 1024);
  });

  test.each([
    [
      'priorities: {high: {timeout: 1h, maxTimeout: 30m}}',
      'priorities.high.maxTimeout: expected at least timeout, which is 1h (seen "30m")',
    ],
    [
      'priorities: {critical: {timeout: 1h}}',
      'priorities.critical.maxTimeout: expected at least timeout, which is 1h (seen nothing, so it is 5m)',
    ],
    [
      'priorities: {low: {timeout: 5m, ttl: 5m}}',
      'priorities.low.ttl: expected longer than timeout, which is 5m (seen "5m")',
    ],
    [
      'budget: {perDay: 1GB, perMonth: 100MB}',
      'budget.perMonth: expected at least perDay, which is 1.0 GB (seen "100MB")',
    ],
  ])('keys that do not fit each other, with the value seen and the value allowed: %s', (line, problem) => {
    expect(problemsOf(`${GOOD}${line}\n`).map((found) => found.replace(/^\d+:\d+: /, ''))).toEqual([problem]);
  });

  test('bounds what names would be spelled out', () => {
    const many = GOOD.replace('{name: a,', '{name: a, count: 10000,').replace(
      'nodes:\n',
      'nodes:\n  - {name: b, count: 2, site: s, deviceGroups: [g]}\n',
    );
    expect(problemsOf(many)).toEqual(['9:3: nodes: 10002 nodes in all, allowed 10000']);
    const long = GOOD.replace('name: a,', `name: ${'a'.repeat(61)}, count: 2,`);
    expect(problemsOf(long)).toEqual(['9:12: nodes.0.name: with its number the name has 65 characters, allowed 63']);
  });

  test.each([
    ['', '1:1: the file holds no fleet'],
    ['[]', '1:1: expected a mapping (key: value) (seen a list of 0)'],
    ['a: *x', '1:4: YAML: alias *x has no anchor &x before it'],
    ['a: [1\nb: 2', '2:1: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['a: 1\n---\nb: 2\n', '2:1: YAML: a second document begins here, a fleet file is one document'],
  ])('says what is wrong with the YAML %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test('reports a doubled key beside the mistakes of the schema', () => {
    expect(problemsOf(`${GOOD}name: again\nextra: 1\n`)).toEqual([
      '10:1: YAML: this key is there twice',
      '11:1: extra: unknown key',
    ]);
  });

  test('refuses aliases that would multiply without end', () => {
    const levels = ['a', 'b', 'c', 'd'].map((name, at, all) => {
      const items = Array.from({ length: 9 }, () => (at === 0 ? '1' : `*${all[at - 1]}`));
      return `${name}: &${name} [${items.join(', ')}]`;
    });
    expect(problemsOf(levels.join('\n'))).toEqual([
      '1:1: YAML: Excessive alias count indicates a resource exhaustion attack',
    ]);
  });

  test('is refused when it is missing, a folder or too large', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headwater-fleet-'));
    try {
      const missing = join(folder, 'missing.yaml');
      const large = join(folder, 'large.yaml');
      await writeFile(large, '#'.repeat(MAX_FLEET_FILE_BYTES + 1));
      const messageOf = async (path: string) => {
        const loaded = await loadFleet(path);
        return loaded.ok ? 'ok' : loaded.problems.map(({ message }) => message).join();
      };
      expect(await messageOf(missing)).toBe(`cannot read ${missing}: there is no such file`);
      expect(await messageOf(folder)).toBe(`cannot read ${folder}: it is a directory, expected a YAML file`);
      expect(await messageOf(large)).toBe('the file has 1048577 bytes, allowed 1048576');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
