import type { NodeLedger } from '../core/ledger.ts';
import { laneOf, type Priority } from '../core/priority.ts';
import { differences, type ModelState, opaqueIn } from './model-state.ts';

/** Where a process that came up says that it stands. */
export interface Found {
  positions: ReadonlyMap<string, number | undefined>;
  ledger: Pick<NodeLedger, 'sources' | 'streams'>;
  /** States of the filters as JSON, under `device/stream`; the value sent last is somewhere in it. */
  sent: ReadonlyMap<string, string>;
  opaque: ReadonlyMap<string, string>;
  damages: number;
}

/** What a journal's state holds beside counts and positions. */
export const keptIn = (state: Readonly<Record<string, unknown>>): Pick<Found, 'sent' | 'opaque'> => ({
  sent: new Map(
    Object.entries(state)
      .filter(([key]) => key.startsWith('filter/'))
      .map(([key, value]) => [key.slice('filter/'.length), JSON.stringify(value)]),
  ),
  opaque: opaqueIn(state),
});

/** What differs between what must be there and what a process found. */
export const foundProblems = (expected: ModelState, found: Found): string[] => [
  ...differences(expected, asState(found.ledger)),
  ...positionProblems(expected, found),
  ...sentProblems(expected, found),
  ...opaqueProblems(expected, found),
];

function sentProblems(expected: ModelState, found: Found): string[] {
  const problems: string[] = [];
  for (const [series, reading] of expected.sent) {
    const state = found.sent.get(series);
    if (reading.plan?.filter.type !== 'change' || state?.includes(JSON.stringify(reading.value))) continue;
    problems.push(`sent last of ${series}: expected ${reading.value}, found ${state}`);
  }
  return problems;
}

function positionProblems(expected: ModelState, found: Found): string[] {
  return [...found.positions].flatMap(([source, position]) =>
    expected.positions.get(source) === position
      ? []
      : [`position of ${source}: expected ${expected.positions.get(source)}, found ${position}`],
  );
}

const opaqueProblems = (expected: ModelState, found: Found): string[] =>
  [...new Set([...expected.opaque.keys(), ...found.opaque.keys()])].flatMap((key) =>
    expected.opaque.get(key) === found.opaque.get(key)
      ? []
      : [`${key}: expected ${expected.opaque.get(key)}, found ${found.opaque.get(key)}`],
  );

/** A node's reading ledger in the model's words. */
export function asState({ sources, streams }: Found['ledger']): Pick<ModelState, 'sources' | 'streams'> {
  return {
    sources: new Map(Object.entries(sources)),
    streams: new Map(
      streams.map(({ stream, priority, filtered, kept, local }) => [
        `${stream}/${laneOf(priority as Priority)}`,
        { filtered, kept, local },
      ]),
    ),
  };
}
