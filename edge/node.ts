import type { ForwardLimits } from '../core/forward/plan.ts';
import type { ForwardState } from '../core/forward/state.ts';
import type { NodeLedger } from '../core/ledger.ts';
import type { NodePlan, SourcePlan } from '../core/node-plan.ts';
import type { Clock, Logger, Quarantine, Random, Source, Uplink } from '../core/ports.ts';
import {
  createForwarder,
  DEFAULT_LIMITS,
  type Forwarder,
  type ForwardStatus,
} from '../greengrass-components/forward/forward.ts';
import { createSense, type Sense } from '../greengrass-components/sense/sense.ts';
import type { Journal, JournalStatus } from '../journal/journal-port.ts';

export interface EdgeNodePorts {
  journal: Journal;
  uplink: Uplink;
  clock: Clock;
  random: Random;
  quarantine: Quarantine;
  logger: Logger;
  createSource: (plan: SourcePlan) => Source;
}

export interface EdgeNodeStatus {
  ledger: NodeLedger;
  forward: ForwardStatus;
  journal: JournalStatus;
  /** Sources that ended by an error: their readings are missing until the node is restarted. */
  failedSources: readonly string[];
}

export interface EdgeNode {
  readonly name: string;
  status(): Promise<EdgeNodeStatus>;
  /** Resolves when every source has ended by itself (files do, live ones do not). */
  exhausted: Promise<void>;
  /** For checks only: the state as it is now, without a word to the disk. */
  inspect(): { readings: Pick<NodeLedger, 'sources' | 'streams'>; forward: ForwardStatus; state: ForwardState };
  /** Stops the sources and delivers what waits, for at most `flushMs`; then closes journal and uplink. */
  stop(flushMs: number): Promise<EdgeNodeStatus>;
}

/**
 * A node in plain mode: sources → sense → journal → forward in one process.
 *
 * @throws if the journal's directory cannot be used
 */
export async function startEdgeNode(
  ports: EdgeNodePorts,
  plan: NodePlan,
  limits: ForwardLimits = DEFAULT_LIMITS,
): Promise<EdgeNode> {
  const { journal, uplink, clock, random, quarantine, logger } = ports;
  const opening = await journal.open();
  let forwarder: Forwarder | undefined;
  const sense = createSense(
    {
      journal,
      clock,
      quarantine,
      logger,
      enqueued: (lane, end, maxDelayMs) => forwarder?.enqueued(lane, end, maxDelayMs),
    },
    plan,
    opening,
  );
  forwarder = createForwarder(
    { journal, uplink, clock, random, logger, seriesName: sense.series.nameOf },
    { node: plan.node, site: plan.site, limits },
    opening,
  );
  forwarder.start();
  const stopSources = new AbortController();
  const failedSources: string[] = [];
  const sources = Promise.all(
    plan.sources.map((source) =>
      runSource(ports, sense, source, stopSources.signal).catch((error: Error) => {
        // A bug of ours or a broken device library: the others go on.
        failedSources.push(source.name);
        logger.error({ source: source.name, error: error.message }, 'node: source stopped; restart the node');
      }),
    ),
  );

  const status = async (): Promise<EdgeNodeStatus> => {
    const journalStatus = await journal.status();
    const forward = forwarder.status();
    const ledger = { node: plan.node, ...sense.ledger(), lanes: forward.lanes, localHeld: journalStatus.localHeld };
    return { ledger, forward, journal: journalStatus, failedSources: [...failedSources] };
  };

  return {
    name: plan.node,
    status,
    exhausted: sources.then(() => undefined),
    inspect: () => ({ readings: sense.ledger(), forward: forwarder.status(), state: forwarder.state }),
    async stop(flushMs) {
      stopSources.abort();
      await sources;
      await sense.settle();
      forwarder.releaseAll();
      await forwarder.drain(flushMs);
      await forwarder.stop();
      const last = await status();
      await uplink.close();
      await journal.close();
      return last;
    },
  };
}

async function runSource(
  { createSource }: EdgeNodePorts,
  sense: Sense,
  plan: SourcePlan,
  signal: AbortSignal,
): Promise<void> {
  const source = createSource(plan);
  await source.run(sense.sinkOf(plan.name, source.canWait), sense.positionOf(plan.name), signal);
}
