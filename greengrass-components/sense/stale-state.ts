import type { JsonValue } from '../../core/filters/filter.ts';
import type { NodePlan } from '../../core/node-plan.ts';
import { filterKey } from './series.ts';

const SOURCE_STATE = 'source-state/';
export const sourceStateKey = (source: string, key: string): string => `${SOURCE_STATE}${source}/${key}`;

/**
 * What the next commit removes of the state: it belongs to sources and streams that the fleet file does not have any more,
 * and is in the head of each segment. Names of series stay: records that wait may need them.
 */
export function staleState(plan: NodePlan, state: Readonly<Record<string, JsonValue>>): Record<string, null> {
  const sources = plan.sources.map(({ name }) => sourceStateKey(name, ''));
  const filters = new Set(
    plan.sources.flatMap(({ devices, streams }) =>
      devices.flatMap((device) => streams.map(({ name }) => filterKey(device, name))),
    ),
  );
  const stale = Object.keys(state).filter((key) =>
    key.startsWith(SOURCE_STATE)
      ? !sources.some((prefix) => key.startsWith(prefix))
      : key.startsWith('filter/') && !filters.has(key),
  );
  return Object.fromEntries(stale.map((key) => [key, null]));
}
