import { createHash } from 'node:crypto';
import type { ListenPlan } from '../../../core/listen/client-rights.ts';
import type { Kept, RedeliveryWindow } from '../../../core/listen/redelivery-window.ts';
import type { Route } from '../../../core/listen/router.ts';
import type { Cancel, Clock, SourceBatch, SourceSink } from '../../../core/ports.ts';
import { createPayloadParser, type Parsed } from './payload.ts';

/** A message as a device published it. */
export interface DeviceMessage {
  /** By its certificate. */
  client: string;
  /** Number of the connection; a later one is another number. */
  connection: number;
  /** The device asked to go on with an earlier session (clean session not set). */
  persistent: boolean;
  topic: string;
  payload: Uint8Array;
  dup: boolean;
  /** Undefined with QoS 0. */
  packetId: number | undefined;
  /** The device can send more before it needs this one's acknowledgement. */
  mayLinger: boolean;
}

export interface IntakeCounts {
  /** With a packet id and never seen before. */
  messages: number;
  /** Known, and acknowledged again. */
  redelivered: number;
  /** Without a packet id: nobody acknowledges them, nobody sends them again. */
  unacknowledged: number;
  /** Waiting because the journal cannot take them now. */
  held: number;
}

export interface Intake {
  /**
   * Resolves once what became of the message is durable: then, and not before, it may be acknowledged. While the
   * journal cannot take it, it waits; after `stop` what waits is forgotten, for its device still has it.
   */
  take(message: DeviceMessage): Promise<void>;
  counts(): IntakeCounts;
  stop(): void;
}

export interface IntakeParts {
  plans: readonly ListenPlan[];
  route: (client: string, topic: string) => Route;
  window: RedeliveryWindow;
  sinkOf: (source: string) => SourceSink;
  /** The journal failed for good, or a filter has a bug: the message never gets a fate. */
  onBroken: (source: string, error: Error) => void;
}

interface Waiting {
  source: string;
  batch: SourceBatch;
  /** Undefined: nobody sends it again. */
  kept: Kept | undefined;
  settle: () => void;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;

/** From messages to durable fates, in the order of arrival, whatever protocol brought them. */
export function createIntake(clock: Clock, { plans, route, window, sinkOf, onBroken }: IntakeParts): Intake {
  const parsers = new Map(plans.map((plan) => [plan.name, createPayloadParser(plan)]));
  const counts = { messages: 0, redelivered: 0, unacknowledged: 0 };
  let held: Waiting[] = [];
  let retryMs = FIRST_RETRY_MS;
  let cancelRetry: Cancel | undefined;
  let stopped = false;
  /** By client: its newest message with a packet id. */
  const lastTurns = new Map<string, { connection: number; turn: Promise<void> }>();

  /**
   * Acknowledgements keep the order of the messages (MQTT 3.1.1, 4.6). Otherwise a message whose fate takes long would
   * be overtaken by more than its device may have open, fall out of the window, and be new when it is sent again.
   */
  const inTurn = ({ client, connection }: DeviceMessage, fate: Promise<void>): Promise<void> => {
    const before = lastTurns.get(client);
    const turn = before?.connection === connection ? before.turn.then(() => fate) : fate;
    lastTurns.set(client, { connection, turn });
    return turn;
  };

  const read = (message: DeviceMessage): { source: string; parsed: Parsed } => {
    const to = route(message.client, message.topic);
    if (!to.ok) {
      const { source, reason, detail } = to;
      return { source, parsed: { readings: [], refused: [{ reason, detail, origin: message.topic }] } };
    }
    const { name } = to.plan;
    return { source: name, parsed: parsers.get(name)!(message.payload, { ...to, topic: message.topic }) };
  };

  const offer = (waiting: Waiting): void => {
    if (stopped) return;
    const { batch, kept } = waiting;
    // What waited until its client had forgotten it must not take the place of what is remembered now.
    const state = kept?.isCurrent() && { [kept.key]: kept.entry };
    sinkOf(waiting.source)
      .offer(state ? { ...batch, state } : batch)
      .then(
        (answer) => {
          if (answer === 'not-now') return hold(waiting);
          if (held.length === 0) retryMs = FIRST_RETRY_MS;
          waiting.settle();
        },
        (error: Error) => onBroken(waiting.source, error),
      );
  };

  const hold = (waiting: Waiting): void => {
    held.push(waiting);
    cancelRetry ??= clock.after(retryMs, () => {
      cancelRetry = undefined;
      retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
      const again = held;
      held = [];
      for (const one of again) offer(one);
    });
  };

  const admit = (waiting: Waiting): void => {
    // Behind what waits already: readings of a device keep their order.
    if (held.length > 0) hold(waiting);
    else offer(waiting);
  };

  return {
    take(message) {
      const { client, packetId, connection, dup, persistent, topic, payload } = message;
      const arrival =
        packetId === undefined ? undefined : { packetId, connection, dup, persistent, hash: hashOf(topic, payload) };
      const known = arrival && window.find(client, arrival);
      if (known) {
        counts.redelivered++;
        return inTurn(message, known.fate);
      }
      const { source, parsed } = read(message);
      const { promise: fate, resolve: settle } = withResolver();
      const batch: SourceBatch = { ...parsed, mayLinger: message.mayLinger };
      counts[arrival ? 'messages' : 'unacknowledged']++;
      admit({ source, batch, kept: arrival && window.add(client, arrival, fate), settle });
      return arrival ? inTurn(message, fate) : fate;
    },
    counts: () => ({ ...counts, held: held.length }),
    stop() {
      stopped = true;
      cancelRetry?.();
      held = [];
    },
  };
}

/** 48 bits of topic and payload: enough to tell a repetition from another message with the same packet id. */
function hashOf(topic: string, payload: Uint8Array): number {
  const digest = createHash('sha256').update(topic).update('\0').update(payload).digest();
  return digest.readUIntBE(0, 6);
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
