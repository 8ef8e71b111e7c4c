import { createChangeFilter } from './change.ts';
import type { Filter, JsonValue } from './filter.ts';
import { noneFilter } from './none.ts';
import type { FilterConfig } from './schema.ts';

type Factories = { [Type in FilterConfig['type']]: (config: Extract<FilterConfig, { type: Type }>) => Filter<never> };

/** One row a filter; a forgotten row is a compile error. */
const FACTORIES: Factories = {
  none: () => noneFilter as Filter<never>,
  change: (config) => createChangeFilter(config) as unknown as Filter<never>,
};

/** The filter of a stream. Its state is opaque here: JSON that only the filter itself reads. */
export function createFilter(config: FilterConfig): Filter<JsonValue> {
  return FACTORIES[config.type](config as never) as unknown as Filter<JsonValue>;
}
