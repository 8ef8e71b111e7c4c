import { expect, test } from '@jest/globals';
import { staleState } from '../../../greengrass-components/sense/stale-state.ts';
import { nodePlan, streamPlan } from '../../helpers/edge-node.ts';

test('what belongs to sources and streams that are gone is removed; names of series and positions stay', () => {
  const plan = nodePlan([streamPlan('level')]);
  const { name, devices } = plan.sources[0]!;
  const state = {
    [`source-state/${name}/client-1`]: [1],
    'source-state/old-listener/client-1': [1],
    [`filter/${devices[0]}/level`]: ['none', null],
    [`filter/${devices[0]}/gone`]: ['none', null],
    'filter/other-device/level': ['none', null],
    'series/0': [devices[0]!, 'gone'],
    'position/old-listener': 7,
  };
  expect(staleState(plan, state)).toEqual({
    'source-state/old-listener/client-1': null,
    [`filter/${devices[0]}/gone`]: null,
    'filter/other-device/level': null,
  });
  expect(staleState(plan, {})).toEqual({});
});
