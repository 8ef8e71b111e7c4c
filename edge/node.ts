import type { ByteCodec } from '../core/byte-codec.ts';
import { DEFAULT_LIMITS, type ForwardLimits, type ForwardSettings, fittedLimits } from '../core/forward/settings.ts';
import type { ForwardState } from '../core/forward/state.ts';
import type { Outcome } from '../core/lane-fates.ts';
import type { NodeLedger } from '../core/ledger.ts';
import type { NodePlan, SourcePlan } from '../core/node-plan.ts';
import type { Audit, Clock, Logger, Quarantine, Random, Source, Uplink } from '../core/ports.ts';
import { createForwarder, type Forwarder, type ForwardStatus } from '../greengrass-components/forward/forward.ts';
import type { PullRequest, PullResult } from '../greengrass-components/sense/pull.ts';
import { createSense, type Sense } from '../greengrass-components/sense/sense.ts';
import type { DeadLetter, Journal, JournalStatus } from '../journal/journal-port.ts';
import { createExpiryStory, type ExpiryStory } from './expiry-story.ts';
import { createPullRequests } from './pull-requests.ts';
import { type ShownLetter, shownLetter } from './shown-letter.ts';

export interface EdgeNodePorts {
  journal: Journal;
  uplink: Uplink;
  codec: ByteCodec;
  clock: Clock;
  random: Random;
  quarantine: Quarantine;
  logger: Logger;
  /** Hears of pulls that the far side asks for. @default nobody does */
  audit?: Audit;
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
  deadLetters: {
    /** Oldest first. */
    list(): Promise<DeadLetter[]>;
    /** One with its records; undefined if there is none of this id. */
    show(id: string): Promise<ShownLetter | undefined>;
    /** They wait again, under the identity that they had; returns how many records. Rejects if the disk refuses. */
    replay(ids: readonly string[]): Promise<number>;
    /** Their records are gone for good; returns how many. Rejects if the disk refuses. */
    discard(ids: readonly string[]): Promise<number>;
  };
  /** Lets records travel that had stayed local. Rejects if the journal is gone. */
  pull(request: PullRequest): Promise<PullResult>;
  /** The journal is written with a new key from now on. Rejects if the disk refuses. */
  rotateKeys(): Promise<void>;
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
  const { journal, uplink, codec, clock, random, quarantine, logger, audit } = ports;
  const expiry = createExpiryStory(clock, logger, plan.node);
  const opening = await journal.open();
  let forwarder: Forwarder | undefined;
  const sense = createSense(
    {
      journal: tellingForwarder(journal, () => forwarder),
      clock,
      quarantine,
      logger,
      enqueued: (lane, end, maxDelayMs) => forwarder?.enqueued(lane, end, maxDelayMs),
    },
    plan,
    opening,
  );
  const onPull = createPullRequests({
    node: plan.node,
    pull: (request) => sense.pull.run(request),
    // Lost without a link: whoever waits for it asks again.
    say: (report) => void forwarder?.say(report).catch(() => undefined),
    audit,
  });
  forwarder = createForwarder(
    {
      journal: tellingExpiry(journal, expiry),
      uplink,
      codec,
      clock,
      random,
      logger,
      seriesName: sense.series.nameOf,
      onPull,
    },
    { node: plan.node, site: plan.site, ...forwardSettings(plan, limits) },
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
    const localHeld = sense.pull.heldOf(journalStatus);
    const ledger = { node: plan.node, ...sense.ledger(), lanes: forward.lanes, localHeld };
    return { ledger, forward, journal: journalStatus, failedSources: [...failedSources] };
  };

  const disinter = async <Done extends Outcome>(outcomes: Promise<Done[]>): Promise<number> => {
    const done = await outcomes;
    forwarder.disinterred(done);
    return done.reduce((sum, { from, to }) => sum + to - from, 0);
  };

  return {
    name: plan.node,
    status,
    deadLetters: {
      list: () => journal.deadLetters(),
      async show(id) {
        const found = await journal.letter(id);
        return found && shownLetter(found, sense.series.nameOf);
      },
      replay: (ids) => disinter(journal.exhume(ids)),
      discard: (ids) => disinter(journal.discard(ids)),
    },
    pull: (request) => sense.pull.run(request),
    rotateKeys: () => journal.rotateKeys(),
    exhausted: sources.then(() => undefined),
    inspect: () => ({ readings: sense.ledger(), forward: forwarder.status(), state: forwarder.state }),
    async stop(flushMs) {
      stopSources.abort();
      await sources;
      await sense.settle();
      forwarder.releaseAll();
      await forwarder.drain(flushMs);
      await forwarder.stop();
      expiry.end();
      const last = await status();
      await uplink.close();
      await journal.close();
      return last;
    },
  };
}

/** How the forwarder sends, by the plan of its node. */
const forwardSettings = ({ priorities, budget, uplinks, link }: NodePlan, limits: ForwardLimits): ForwardSettings => ({
  limits: fittedLimits(limits, priorities, budget, uplinks, link),
  priorities,
  budget,
});

/** What the journal does of itself while it takes a commit, the forwarder must know before it plans again. */
function tellingForwarder(journal: Journal, forwarder: () => Forwarder | undefined): Journal {
  return {
    ...journal,
    async append(commit) {
      const result = await journal.append(commit);
      if (result.agedMs > 0) forwarder()?.aged(result.agedMs);
      if (result.evicted.length > 0) forwarder()?.evicted(result.evicted);
      return result;
    },
  };
}

/** What the forwarder gave up for its age is told of. */
const tellingExpiry = (journal: Journal, story: ExpiryStory): Journal => ({
  ...journal,
  settle(outcomes) {
    story.settled(outcomes);
    return journal.settle(outcomes);
  },
});

async function runSource(
  { createSource }: EdgeNodePorts,
  sense: Sense,
  plan: SourcePlan,
  signal: AbortSignal,
): Promise<void> {
  const source = createSource(plan);
  const { name } = plan;
  await source.run(sense.sinkOf(name, source.canWait), sense.positionOf(name), signal, sense.stateOf(name));
}
