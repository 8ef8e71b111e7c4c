import { LEDGER_DIFFERENCE } from '../../core/cloud-names.ts';
import { laneKeyText } from '../../core/identity.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { NodeGroup } from '../../core/node-groups.ts';
import { numbered } from '../../core/node-plan.ts';
import { PRIORITIES } from '../../core/priority.ts';
import { differencesOf } from './differences.ts';
import type { ComparePorts, CompareResult, Difference, MetricPoint, NodeIndex } from './env.ts';

const MAX_NODES_AT_ONCE = 32;
/** A node that stores all the time is seldom caught between two changes. */
const MAX_READS = 6;

type Verdict = 'unknown' | 'moving' | { differences: readonly Difference[] };

/**
 * Compares the counts that there are of each node's records, at a cut: a difference counts only if the lanes are
 * unchanged between two reads, so that nothing was stored while the counters were read.
 *
 * @throws Error if a node could not be read, after all others were compared and their metrics put
 */
export function createHandler(ports: ComparePorts, groups: readonly NodeGroup[]): () => Promise<CompareResult> {
  const { logger } = ports;
  const names = groups.flatMap(([name, count]) => numbered(name, count));

  return async () => {
    const failures: unknown[] = [];
    const verdicts = await inParallel(MAX_NODES_AT_ONCE, names, async (node): Promise<Verdict> => {
      try {
        return await compare(node);
      } catch (error) {
        failures.push(error);
        return 'moving';
      }
    });
    const points = verdicts.flatMap((verdict, at) => pointsOf(names[at]!, verdict));
    const result = {
      nodes: verdicts.filter((verdict) => verdict !== 'unknown').length,
      difference: points.reduce((sum, { value }) => sum + value, 0),
      undecided: verdicts.filter((verdict) => verdict === 'moving').length,
    };
    // Always: an alarm without data is one that nobody hears.
    points.push({ name: LEDGER_DIFFERENCE, value: result.difference, dimensions: {} });
    await ports.putMetrics(points, ports.nowMs());
    logger.info(result, 'compared');
    if (failures.length > 0) {
      throw new Error(`${failures.length} of ${names.length} nodes could not be compared`, { cause: failures[0] });
    }
    return result;
  };

  async function compare(node: string): Promise<Verdict> {
    let before = await ports.readIndex(node);
    if (before === undefined) return 'unknown';
    if (differencesOf(before).length === 0) return { differences: [] };
    for (let reads = 1; reads < MAX_READS; reads++) {
      const now = await ports.readIndex(node);
      if (now === undefined) return 'unknown';
      const differences = differencesOf(now);
      if (differences.length === 0 || versionsOf(now) === versionsOf(before)) return { differences };
      before = now;
    }
    return 'moving';
  }

  function pointsOf(node: string, verdict: Verdict): MetricPoint[] {
    if (typeof verdict === 'string') return [];
    for (const { priority, records, detail } of verdict.differences) {
      logger.error({ node, priority, records, detail }, 'counts of a node contradict each other');
    }
    return PRIORITIES.flatMap((priority): MetricPoint[] => {
      const value = verdict.differences
        .filter((difference) => difference.priority === priority)
        .reduce((sum, { records }) => sum + records, 0);
      return value === 0 ? [] : [{ name: LEDGER_DIFFERENCE, value, dimensions: { Node: node, Priority: priority } }];
    });
  }
}

const versionsOf = ({ lanes }: NodeIndex): string =>
  lanes
    .map(({ key, version }) => `${laneKeyText(key)}=${version}`)
    .sort()
    .join();
