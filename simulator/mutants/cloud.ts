import type { Mutant } from './mutant.ts';

const STORE = 'adapters/aws/record-store.ts';
const BATCHES = 'adapters/aws/batches.ts';
const PLAN = 'adapters/aws/plan-commit.ts';

/** Bugs of the cloud's store of record. */
export const CLOUD_MUTANTS: readonly Mutant[] = [
  {
    name: 'cloud: acknowledge before landing',
    file: STORE,
    find: "if ((await batches.land(batch)) === 'released') return 'conflict';",
    replace: 'void batches.land(batch).catch(() => undefined);',
    focus: 'cloud',
  },
  {
    name: 'cloud: read a lane without finishing its last batch',
    file: STORE,
    find: 'const ends = await inParallel(MAX_REQUESTS_AT_ONCE, [...pending], finish);',
    replace: 'const ends = [finish, pending].slice(2);',
    focus: 'cloud',
  },
  {
    name: 'cloud: name no batch in its lanes',
    file: PLAN,
    find: 'laneWrite(lane, envelopes.length > 0 ? [id] : [])',
    replace: 'laneWrite(lane, [])',
    focus: 'cloud',
  },
  {
    name: 'cloud: write a lane whatever its version',
    file: PLAN,
    find: `      expectedVersion === 0
        ? { attribute: 'version', is: 'absent' }
        : { attribute: 'version', is: 'equal', value: expectedVersion },
`,
    replace: '',
    focus: 'cloud',
  },
  {
    name: 'cloud: call a cancelled transaction committed',
    file: STORE,
    find: "if ((await commitPart(part)) === 'conflict') return 'conflict';",
    replace: 'await commitPart(part);',
    focus: 'cloud',
  },
  {
    name: 'cloud: take a transaction without an answer for cancelled',
    file: STORE,
    find: '(await table.transact(part.transaction))',
    replace: "(await table.transact(part.transaction).catch(() => 'conflict' as const))",
    focus: 'cloud',
  },
  {
    name: 'cloud: copy the first day only',
    file: BATCHES,
    find: 'inParallel(MAX_REQUESTS_AT_ONCE, batch.days, (day) =>',
    replace: 'inParallel(MAX_REQUESTS_AT_ONCE, batch.days.slice(0, 1), (day) =>',
    focus: 'cloud',
  },
  {
    name: 'cloud: delete what is staged before the batch is marked as landed',
    file: BATCHES,
    find: "if ((await mark(batch, 'landed'))",
    replace: "await removeStaged(batch);\n    if ((await mark(batch, 'landed'))",
    focus: 'cloud',
  },
  {
    name: 'cloud: take a missing staged object for landed',
    file: BATCHES,
    find: "if (copies.includes('missing')) return giveUp(batch);",
    replace: '',
    focus: 'cloud',
  },
  {
    name: 'cloud: release a batch that someone may be about to call landed',
    file: BATCHES,
    find: "if ((await mark(batch, 'releasing')) === 'conflict') return endMarked(await read(batch.id));",
    replace: `await objects.delete(landingKeys(batch));
    if ((await mark(batch, 'releasing')) === 'conflict') return endMarked(await read(batch.id));`,
    focus: 'cloud',
  },
  {
    name: 'cloud: release a batch and leave its copies',
    file: BATCHES,
    find: 'await objects.delete(landingKeys(batch));\n    // Before',
    replace: '// Before',
    focus: 'cloud',
  },
  {
    name: 'cloud: release a batch and leave what can still be copied',
    seldom: true,
    file: BATCHES,
    find: 'await objects.delete(stagingKeys(batch));\n    await',
    replace: 'await',
    focus: 'cloud,farCrash',
  },
  {
    name: 'cloud: leave released records in the counters',
    file: BATCHES,
    find: '...[...counters].map(([node, add]): ItemWrite => ({ key: countsItemKey(node), add })),',
    replace: '',
    focus: 'cloud',
  },
  {
    name: 'cloud: leave what was staged of a landed batch',
    file: BATCHES,
    find: 'await removeStaged(batch);\n    return endMarked(batch);',
    replace: 'return endMarked(batch);',
    focus: 'cloud',
  },
  {
    name: 'cloud: keep the hashes of all lanes of a node in one place',
    file: 'adapters/aws/index-items.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source
    find: '#${laneSuffix(key)}#`;',
    replace: '#`;',
    focus: 'cloud',
  },
];
