import { CLOUD_MUTANTS } from './cloud-mutants.ts';

/** A bug planted on purpose: `find` occurs exactly once in the file, so that a mutant cannot rot unnoticed. */
export interface Mutant {
  name: string;
  file: string;
  find: string;
  replace: string;
  /** Kinds of fault (scenario.ts) without which it seldom shows: it is caught without them too, only later. */
  focus?: string;
  /** Needs so many seeds that it is only run by its name: `npm run simulate:mutants -- NAME`. */
  seldom?: true;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'skip the fdatasync of a commit',
    file: 'journal/segment-log.ts',
    find: 'if (sync) await file.sync();',
    replace: '',
  },
  {
    name: 'skip the directory sync after a new segment',
    file: 'journal/segment-log.ts',
    find: `    try {
      await disk.syncDirectory();
    } catch (error) {`,
    replace: '    try {} catch (error) {',
  },
  {
    name: 'acknowledge a commit before its fdatasync',
    file: 'journal/segment-log.ts',
    find: 'if (sync) await file.sync();',
    replace: 'if (sync) void Promise.resolve(file.sync()).catch(() => undefined);',
  },
  {
    name: 'count on what a killed process left unsynced',
    file: 'journal/segment-files.ts',
    find: 'await disk.sync(segmentFile(log, number));',
    replace: '',
  },
  {
    name: 'leave the segment number out of the header check',
    file: 'journal/block.ts',
    find: 'if (!header || header.segment !== segment) return undefined;',
    replace: 'if (!header) return undefined;',
    focus: 'crash',
  },
  {
    name: 'use a segment number again after a failed attempt',
    file: 'journal/segment-log.ts',
    find: `      await discard();
      throw error;`,
    replace: `      await discard();
      segment--;
      throw error;`,
    focus: 'diskTrouble',
  },
  {
    name: 'use a new key before it is durable',
    file: 'core/key-ring.ts',
    find: `    await store.save(next);
    keys = next;`,
    replace: `    keys = next;
    await store.save(next);`,
    focus: 'crash,diskTrouble',
  },
  {
    name: 'retire a key that segments still need',
    file: 'journal/keys-on-disk.ts',
    find: 'await ring.retire(inUse);',
    replace: 'await ring.retire(new Set());',
  },
  {
    name: 'answer before the store commit',
    file: 'lambdas/ingest/handler.ts',
    find: "if (plan.change === undefined || (await store.commit(plan.change)) === 'committed') return plan.replies;",
    replace: 'if (plan.change) void store.commit(plan.change).catch(() => undefined); return plan.replies;',
  },
  {
    name: 'adopt a filter state before its commit',
    file: 'greengrass-components/sense/round.ts',
    find: 'filterStates.set(one, step.state);',
    replace: 'filterStates.set(one, step.state); one.state = step.state;',
  },
  {
    name: 'adopt counters before their commit',
    file: 'greengrass-components/sense/sense.ts',
    find: 'const result = await journal.append(',
    replace: 'adopt(counts, round.changes); const result = await journal.append(',
  },
  {
    name: 'forget the cut of a failed write',
    file: 'journal/segment-log.ts',
    find: 'truncated = { ...truncated, [segment]: good };',
    replace: '',
  },
  {
    name: 'recycle without syncing the forward log',
    file: 'journal/make-room.ts',
    find: 'await ballast.withRoom(() => forward.sync());',
    replace: 'void ballast;',
  },
  {
    name: 'recycle the last two segments too',
    file: 'journal/spans.ts',
    find: `    .slice(0, -2)
    .filter(
`,
    replace: `    .slice(0, -1)
    .filter(
`,
    focus: 'rot,crash',
  },
  {
    name: 'take the word of the transport for delivery',
    file: 'greengrass-components/forward/forward.ts',
    find: 'uplink.send(trafficClassOf(lane.lane), packed.payload).catch(',
    replace: `uplink.send(trafficClassOf(lane.lane), packed.payload).then(() => {
      const item = { type: 'stored' as const, producer: 'sense', epoch: lane.epoch, lane: lane.lane, ranges: [packed.range] };
      const { outcomes } = applyAnswer(state, { farSide: 'far-1', items: [item] }, clock.monotonicMs(), 0, settings);
      settle(outcomes);
    }).catch(`,
  },
  {
    name: 'ignore the known part of an overlap',
    file: 'core/forward/answers.ts',
    find: "if (reason === 'overlap') deliver(lane, rangeSetOf(item.known ?? []), answered);",
    replace: "if (reason === 'overlap') lane.setbacks = 0;",
    focus: 'late,crash',
  },
  {
    name: 'use an epoch again after a restart',
    file: 'journal/opening.ts',
    find: 'const epoch = epochOf(setup.random.u64());',
    replace: "const epoch = epochOf(BigInt('0x1234567812345678'));",
  },
  {
    name: 'give up missing records without asking',
    file: 'core/forward/state.ts',
    find: 'lane.missing = addRanges(lane.missing, unfinished(lane.fates, missing));',
    replace: 'lane.fates = { ...lane.fates, damaged: addRanges(lane.fates.damaged, unfinished(lane.fates, missing)) };',
    focus: 'rot,crash',
  },
  {
    name: 'forget what was in doubt when the link was lost',
    file: 'core/forward/state.ts',
    find: 'lane.doubt = addRanges(lane.doubt, unfinished(lane.fates, rangeSetOf(grounded)));',
    replace: '',
  },
  {
    name: 'store an envelope that overlaps',
    file: 'core/coverage.ts',
    find: "if (!sameRanges(known, live)) return { outcome: 'overlap', known: within(index.stored, header) };",
    replace: `if (!sameRanges(known, live)) {
      return { outcome: 'store', stored: addRanges(index.stored, live), givenUp: index.givenUp };
    }`,
  },
  {
    name: 'judge each message of a batch by the store alone',
    file: 'lambdas/ingest/plan-batch.ts',
    find: 'const reply = judgeEnvelope(laneOf(header),',
    replace:
      'const reply = judgeEnvelope({ ...laneOf(header), index: lanes.find(({ key }) => laneKeyText(key) === laneKeyText(header))!.index },',
  },
  {
    name: 'read one position too far',
    file: 'journal/lane-reader.ts',
    find: 'records[from - first]!.offset',
    replace: '(records[from - first + 1] ?? records[from - first]!).offset',
  },
  {
    name: 'evict the oldest, whatever its class',
    file: 'journal/room.ts',
    find: '(a.lane === b.lane ? a.ageMs < b.ageMs : a.lane > b.lane)',
    replace: '(a.ageMs < b.ageMs)',
  },
  {
    name: 'evict without telling the forwarder',
    file: 'edge/node.ts',
    find: 'if (result.evicted.length > 0) forwarder()?.evicted(result.evicted);',
    replace: '',
  },
  {
    name: 'empty a segment without carrying on its last records',
    file: 'journal/make-room.ts',
    find: 'if (parts.length > 0) await carry(journal, parts);',
    replace: '',
  },
  {
    name: 'forget at opening what was carried on',
    file: 'journal/recovery.ts',
    find: 'growSpanByCarried(span, decodeCarried(carried));',
    replace: 'void decodeCarried;',
    focus: 'crash',
  },
  {
    name: 'read from segments that are being given back',
    file: 'journal/lane-reader.ts',
    find: '!span.released && holds(span, wanted)',
    replace: 'holds(span, wanted)',
    focus: 'diskTrouble',
  },
  {
    name: 'leave the source position out of the commit',
    file: 'greengrass-components/sense/sense.ts',
    find: 'if (batch.position !== undefined) changes[positionKey(source)] = batch.position;',
    replace: 'void source;',
  },
  {
    name: 'name a series in one commit only',
    seldom: true,
    file: 'greengrass-components/sense/series.ts',
    find: 'export const ENOUGH_NAMINGS = 2;',
    replace: 'export const ENOUGH_NAMINGS = 1;',
    focus: 'rot,stop',
  },
  {
    name: 'forget that a damaged block held records',
    seldom: true,
    file: 'journal/recovery.ts',
    find: 'growSpanTo(span, commit.positions);',
    replace: '',
    focus: 'rot,crash',
  },
  {
    name: 'let a failed commit come back when the head that cut it off rots',
    seldom: true,
    file: 'journal/recovery.ts',
    find: 'if (commit.number < (firstNumbers.get(epoch) ?? Number.POSITIVE_INFINITY)) {',
    replace: 'if (firstNumbers.size >= 0) {',
    focus: 'rot,crash,diskTrouble',
  },
  {
    name: 'hold for in doubt only what flies',
    seldom: true,
    file: 'core/forward/state.ts',
    find: 'countOf(doubtful(lane));',
    replace: 'countOf(addRanges(lane.doubt, rangeSetOf(lane.flights)));',
  },
  {
    name: 'expire at half the time to live',
    file: 'core/forward/age.ts',
    find: 'const bornBefore = ageOf(state, now) - ttlMs;',
    replace: 'const bornBefore = ageOf(state, now) - ttlMs / 2;',
    focus: 'contract',
  },
  {
    name: 'give all records of a mark the age of the first',
    file: 'core/forward/age.ts',
    find: '{ to: lane.end, ageMs }];',
    replace: '{ to: lane.end, ageMs: begun ? last!.ageMs : ageMs }];',
    focus: 'contract',
  },
  {
    name: 'dead letter one retry early',
    file: 'core/forward/retries.ts',
    find: 'if (count <= retries) continue;',
    replace: 'if (count < retries) continue;',
    focus: 'contract',
  },
  {
    name: 'count a refusal that comes twice as two failures',
    file: 'core/forward/answers.ts',
    find: 'const failed = subtract(intersect(rest, addRanges(lane.doubt, gone)), lane.blamed);',
    replace: 'const failed = rest;',
    focus: 'contract,late',
  },
  {
    name: 'dead letter with another reason',
    file: 'core/forward/retries.ts',
    find: "parts.map((part) => ({ ...outcomeOf(lane, part), fate: 'tried', count, reason }))",
    replace: "parts.map((part) => ({ ...outcomeOf(lane, part), fate: 'tried', count, reason: 'too-fragmented' }))",
    focus: 'contract',
  },
  {
    name: 'hold what was given up for settled although it may be stored',
    file: 'core/forward/state.ts',
    find: 'subtract(subtract(sent, fates.delivered), denied);',
    replace: 'subtract(unfinished(fates, sent), denied);',
    focus: 'contract,partition',
  },
  {
    name: 'state what was given up before the far side has denied it',
    seldom: true,
    file: 'core/forward/plan.ts',
    find: 'subtract(unstated(lane.fates), doubtful(lane));',
    replace: 'unstated(lane.fates);',
    focus: 'contract,stop,partition',
  },
  {
    name: 'do not tell the forwarder what was evicted',
    file: 'edge/node.ts',
    find: 'if (result.evicted.length > 0) forwarder()?.evicted(result.evicted);',
    replace: '',
  },
  {
    name: 'evict the most important class first',
    file: 'journal/room.ts',
    find: 'a.lane > b.lane',
    replace: 'a.lane < b.lane',
    focus: 'farDeaf,partition',
  },
  {
    name: 'evict critical too',
    file: 'journal/room.ts',
    find: 'Math.max(1, from)',
    replace: 'from',
    focus: 'farDeaf,partition',
  },
  ...CLOUD_MUTANTS,
];
