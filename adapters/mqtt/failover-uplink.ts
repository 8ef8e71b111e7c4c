import {
  type ChangeReason,
  type FailoverAction,
  type FailoverConfig,
  type FailoverEvent,
  newFailoverState,
  stepFailover,
} from '../../core/failover.ts';
import { PRODUCER } from '../../core/identity.ts';
import { encodeQuestion } from '../../core/messages.ts';
import type { Cancel, Clock, Logger, Random, Uplink } from '../../core/ports.ts';
import { isRequest } from '../../core/pull-messages.ts';

export interface FailoverPorts {
  clock: Clock;
  random: Random;
  logger: Logger;
  /**
   * Opens one of the uplinks, which dials at once.
   *
   * @param logger for this life of it: quiet while it is only looked at
   */
  dial: (uplink: number, logger: Logger) => Uplink;
}

/** One opened uplink. What a closed one still reports is not heard. */
interface Slot {
  index: number;
  uplink: Uplink;
  role: { is: Role };
}
type Role = 'active' | 'probe' | 'closed';

/**
 * Several uplinks as one: it uses the first that serves, goes on to the next when that one is unreachable or silent,
 * and returns when a preferred one answers again (core/failover.ts decides). Each change looks like a lost and a new
 * connection, so that the forwarder asks the other far side before it sends anything again.
 *
 * @param names of the uplinks, in order of preference; `uplinks` of the config is their number
 */
export function createFailoverUplink(
  ports: FailoverPorts,
  names: readonly string[],
  timing: Omit<FailoverConfig, 'uplinks'>,
): Uplink {
  const { clock, random, logger } = ports;
  const config: FailoverConfig = { ...timing, uplinks: names.length };
  const state = newFailoverState(clock.monotonicMs());
  const leaving = new Set<Promise<void>>();
  let tellAnswer: (payload: Uint8Array) => void = () => {};
  let tellLink: (connected: boolean) => void = () => {};
  let linked = false;
  let probe: Slot | undefined;
  let cancelTimer: Cancel = () => {};
  let closing: Promise<void> | undefined;
  /** Since the last change nobody has answered. */
  let unserved = false;
  let active = open(0, 'active');
  listenTo(active);
  step({ type: 'time' });

  function open(index: number, as: Role): Slot {
    const role = { is: as };
    // Looked up at each line, the first ones within `dial`: a probe that becomes the active one speaks from then on.
    return {
      index,
      role,
      uplink: ports.dial(
        index,
        quietUnless(() => role.is === 'active', logger),
      ),
    };
  }

  /** Apart from opening: an uplink that is up already reports it within this call. */
  function listenTo(slot: Slot): void {
    slot.uplink.onLink((up) => {
      if (slot.role.is === 'closed' || closing) return;
      if (slot.role.is === 'active') setLink(up);
      step({ type: slot.role.is === 'active' ? 'link' : 'probe-link', up });
    });
    slot.uplink.onAnswer((payload) => {
      if (slot.role.is === 'closed' || closing) return;
      const isActive = slot.role.is === 'active';
      if (isActive) unserved = false;
      // A request is no answer: whoever asks for something may be there while ingest and its store are not.
      if (!isRequest(payload)) step({ type: isActive ? 'answered' : 'probe-answered' });
      if (isActive) tellAnswer(payload);
    });
  }

  function setLink(up: boolean): void {
    if (linked === up) return;
    linked = up;
    tellLink(up);
  }

  function step(event: FailoverEvent): void {
    const now = clock.monotonicMs();
    const { actions, wakeAt } = stepFailover(state, event, now, random.fraction(), config);
    cancelTimer();
    cancelTimer = Number.isFinite(wakeAt) ? clock.after(wakeAt - now, () => step({ type: 'time' })) : () => {};
    for (const action of actions) act(action);
  }

  function act(action: FailoverAction): void {
    switch (action.type) {
      case 'probe':
        probe = open(action.uplink, 'probe');
        listenTo(probe);
        break;
      case 'ask':
        // Lost: then there is no answer, and that is the finding.
        probe?.uplink.send('critical', PROBE_QUESTION).catch(() => undefined);
        break;
      case 'drop-probe':
        if (probe) shut(probe);
        probe = undefined;
        break;
      case 'use':
        use(action.uplink, action.promote, action.reason);
    }
  }

  function use(index: number, promote: boolean, reason: ChangeReason): void {
    const [from, to] = [names[active.index], names[index]];
    // While none of them serves they take turns: that is one story, and has been told.
    if (unserved && !promote) logger.debug({ from, to, reason }, 'uplink: another one is tried');
    else logger.warn({ from, to, reason }, 'uplink: another one is used from now on');
    unserved = !promote;
    shut(active);
    setLink(false);
    if (promote && probe) {
      active = probe;
      probe = undefined;
      active.role.is = 'active';
      setLink(true);
    } else {
      active = open(index, 'active');
      listenTo(active);
    }
  }

  function shut(slot: Slot): void {
    slot.role.is = 'closed';
    const gone = slot.uplink.close().catch((error: Error) => {
      logger.warn({ uplink: names[slot.index], error: error.message }, 'uplink: not closed in order');
    });
    leaving.add(gone);
    void gone.then(() => leaving.delete(gone));
  }

  return {
    send(traffic, payload) {
      if (closing) return Promise.reject(new Error('not connected: the uplink is closed'));
      const sent = active.uplink.send(traffic, payload);
      // Every message is answered, so one that went out starts the wait; without a connection none does.
      if (linked) step({ type: 'sent' });
      return sent;
    },
    onAnswer: (listen) => {
      tellAnswer = listen;
    },
    onLink: (listen) => {
      tellLink = listen;
      if (linked && !closing) listen(true);
    },
    using: () => names[state.active]!,
    wanted(isWanted) {
      if (closing) return;
      // Before it lets its connection go: what is let go is no loss.
      step({ type: 'wanted', is: isWanted });
      active.uplink.wanted(isWanted);
    },
    close: () => {
      closing ??= (async () => {
        cancelTimer();
        shut(active);
        if (probe) shut(probe);
        await Promise.all(leaving);
      })();
      return closing;
    },
  };
}

/** About nothing: whoever answers has read its index, so ingest and its store are there. */
const PROBE_QUESTION = encodeQuestion({
  type: 'status',
  lanes: [{ producer: PRODUCER, epoch: '0'.repeat(16), lane: 0, ranges: [] }],
});

function quietUnless(speaks: () => boolean, logger: Logger): Logger {
  const at = (level: 'info' | 'warn' | 'error'): Logger['info'] => {
    return (fields, message) => (speaks() ? logger[level](fields, message) : logger.debug(fields, message));
  };
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
