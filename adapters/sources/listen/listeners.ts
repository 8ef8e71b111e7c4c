import { clientRights, type ListenPlan } from '../../../core/listen/client-rights.ts';
import { createRedeliveryWindow } from '../../../core/listen/redelivery-window.ts';
import { createRouter } from '../../../core/listen/router.ts';
import type { SourcePlan } from '../../../core/node-plan.ts';
import type { Audit, Clock, Logger, Source, SourceSink, SourceState } from '../../../core/ports.ts';
import { wait } from '../wait.ts';
import { createDeviceBroker, type DeviceBroker } from './device-broker.ts';
import { createIntake, type Intake } from './intake.ts';
import { loadListenerCredentials } from './listener-credentials.ts';

export interface ListenersPorts {
  clock: Clock;
  logger: Logger;
  audit: Audit;
}

export interface ListenersPlace {
  node: string;
  /** Folder of the fleet file: paths in it are relative to it. */
  directory: string;
}

/** The listening ports of one node: groups that share a port share its connections. */
export interface Listeners {
  sourceOf(plan: ListenPlan): Source;
}

interface Member {
  sink: SourceSink;
  state: SourceState;
  fail: (error: Error) => void;
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
const RENEW_BEFORE_MS = 30 * 86_400_000;

/**
 * A port is opened once all its groups run, so that no device meets half of them, and closed with the first that ends.
 * Without credentials, or while the port is taken, it is tried again and again: both may change while the node runs.
 */
export function createListeners(
  ports: ListenersPorts,
  place: ListenersPlace,
  sources: readonly SourcePlan[],
): Listeners {
  const plans = sources.filter((source): source is ListenPlan => source.config.type === 'listen');
  const byPort = new Map<number, ReturnType<typeof createPort>>();
  return {
    sourceOf(plan) {
      const { port } = plan.config;
      const shared =
        byPort.get(port) ??
        createPort(
          ports,
          place,
          plans.filter((other) => other.config.port === port),
        );
      byPort.set(port, shared);
      return {
        canWait: true,
        run: (sink, _position, signal, state) => shared.run(plan.name, sink, state, signal),
      };
    },
  };
}

function createPort({ clock, logger, audit }: ListenersPorts, place: ListenersPlace, plans: readonly ListenPlan[]) {
  const { config } = plans[0]!; // the groups of a port agree on what belongs to it
  const members = new Map<string, Member>();
  /** A group that has failed leaves the port to the others. */
  const running = new Set<string>();
  const rights = clientRights(plans);
  let serving: Promise<void> | undefined;
  let stop: () => void = () => undefined;

  const openIntake = (): Intake => {
    const state = [...members.values()].flatMap((member) => Object.entries(member.state));
    return createIntake(clock, {
      plans,
      route: createRouter(plans, rights),
      window: createRedeliveryWindow(config.maxInFlight, state),
      sinkOf: (source) => members.get(source)!.sink,
      onBroken: (source, error) => members.get(source)!.fail(error),
    });
  };

  const tryOpen = async (intake: Intake): Promise<DeviceBroker | { problem: string }> => {
    const loaded = await loadListenerCredentials(config, place);
    if (!loaded.ok) return { problem: loaded.detail };
    if (loaded.validToMs - clock.wallMs() < RENEW_BEFORE_MS) {
      const validTo = new Date(loaded.validToMs).toISOString();
      logger.warn({ port: config.port, validTo }, 'listener: certificate ends soon');
    }
    const { host, port, maxInFlight, maxPayload, maxRate } = config;
    return createDeviceBroker(
      { tls: loaded.tls, clock, logger, audit, take: intake.take },
      { host, port, clients: rights.clients, maxInFlight, maxPayload, maxRate },
    ).catch((error: Error) => ({ problem: error.message }));
  };

  const serve = async (signal: AbortSignal): Promise<void> => {
    const intake = openIntake();
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const opened = await tryOpen(intake);
      if ('problem' in opened) {
        logger.warn({ port: config.port, problem: opened.problem, retryMs }, 'listener: cannot open, trying again');
        await wait(clock, retryMs, signal);
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
        continue;
      }
      logger.info({ host: config.host, port: opened.port, clients: rights.clients.size }, 'listener: open');
      await aborted(signal);
      await opened.close();
    }
    intake.stop();
    logger.info({ port: config.port, ...intake.counts() }, 'listener: closed');
  };

  const join = (): void => {
    if (members.size < plans.length) return;
    const stopServing = new AbortController();
    stop = () => stopServing.abort();
    serving = serve(stopServing.signal).catch((error: Error) => {
      for (const { fail } of members.values()) fail(error);
    });
  };

  return {
    async run(name: string, sink: SourceSink, state: SourceState, signal: AbortSignal): Promise<void> {
      const broken = new Promise<never>((_, reject) => {
        members.set(name, { sink, state, fail: reject });
      });
      running.add(name);
      join();
      try {
        await Promise.race([aborted(signal), broken]);
      } finally {
        running.delete(name);
        if (signal.aborted || running.size === 0) stop();
      }
      await serving;
    },
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
