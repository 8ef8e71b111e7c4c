import type { Mutant } from './mutant.ts';

/** Bugs of sending. */
export const FORWARD_MUTANTS: readonly Mutant[] = [
  {
    name: 'take the word of the transport for delivery',
    file: 'greengrass-components/forward/send-envelope.ts',
    find: 'uplink.send(trafficClassOf(lane.lane), packed.payload).catch(',
    replace: `uplink.send(trafficClassOf(lane.lane), packed.payload).then(() => {
      lane.fates = { ...lane.fates, delivered: lane.sent };
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
    name: 'forget what was in doubt when the link was lost',
    file: 'core/forward/state.ts',
    find: 'lane.doubt = addRanges(lane.doubt, unfinished(lane.fates, rangeSetOf(grounded)));',
    replace: '',
  },
  {
    name: 'hold for in doubt only what flies',
    seldom: true,
    file: 'core/forward/doubt.ts',
    find: 'countOf(doubtful(lane));',
    replace: 'lane.flights.reduce((sum, { from, to }) => sum + to - from, countOf(lane.doubt));',
  },
];
