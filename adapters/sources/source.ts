import type { SourceConfig } from '../../core/fleet.ts';
import type { SourcePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, Source } from '../../core/ports.ts';
import { createFileSource } from './file-source.ts';
import type { Listeners } from './listen/listeners.ts';
import { createSimulateSource } from './simulate-source.ts';
import { createSystemSource } from './system-source.ts';

export interface SourcePorts {
  clock: Clock;
  logger: Logger;
  /** Of this node. */
  listeners: Listeners;
}

export interface SourceOptions {
  node: string;
  /** Seed of the fleet's simulated devices. */
  seed: number;
  /** Folder of the fleet file: paths in it are relative to it. */
  directory: string;
  /** Replayed and simulated time runs so many times faster. @default 1 */
  speed?: number | undefined;
}

type Planned<Type extends SourceConfig['type']> = SourcePlan & { config: Extract<SourceConfig, { type: Type }> };
type Factories = {
  [Type in SourceConfig['type']]: (plan: Planned<Type>, ports: SourcePorts, options: SourceOptions) => Source;
};

/** One row a source; a forgotten row is a compile error. */
const FACTORIES: Factories = {
  simulate: createSimulateSource,
  system: (plan, ports) => createSystemSource(plan, ports),
  file: createFileSource,
  listen: (plan, { listeners }) => listeners.sourceOf(plan),
};

/** The source of one device group of a node. */
export function createSource(plan: SourcePlan, ports: SourcePorts, options: SourceOptions): Source {
  return FACTORIES[plan.config.type](plan as never, ports, options);
}
