import type { DeviceMessage } from '../adapters/sources/listen/intake.ts';
import type { MadeMessage } from './device-messages.ts';
import type { Life, World } from './world.ts';

/** A message that its device keeps until it has the acknowledgement. */
export interface Publish extends MadeMessage {
  packetId: number;
  /** It left the device before. */
  wasSent: boolean;
}

/** A node that listens, in one life. */
export interface Listening {
  life: Life;
  /** @param acknowledge writes the PUBACK */
  take(message: DeviceMessage, publish: Publish, acknowledge: () => void): void;
}

/** A device that publishes with QoS 1, over all lives of its node and its own. */
export interface VirtualDevice {
  /** The node listens; undefined = not any more. */
  meet(listening: Listening | undefined): void;
}

export interface DeviceSettings {
  name: string;
  /** Messages that it has unacknowledged at most. */
  window: number;
  meanMessageMs: number;
  meanDelayMs: number;
  /** Chance per turn that its connection breaks. */
  breakChance: number;
}

interface Connection {
  number: number;
  listening: Listening;
  /** TCP keeps the order: nothing arrives before what was sent before it. */
  upAt: number;
  downAt: number;
  /** Messages that arrived over it, and acknowledgements written to it. */
  arrived: number;
  acknowledged: number;
}

const CONNECT_MS = 300;
/** Impatient devices send again on the same connection, against the rules. */
const IMPATIENT_MS = 4_000;
const DEATH_SHARE = 0.1;

export function createVirtualDevice(
  world: World,
  settings: DeviceSettings,
  make: (device: string) => MadeMessage,
  more: () => boolean,
): VirtualDevice {
  const { dice } = world;
  const { name, window, meanMessageMs, meanDelayMs } = settings;
  const persistent = dice.chance(0.5);
  // 3.3.1.1 demands the flag; devices that keep a session are known without it.
  const setsDup = !persistent || dice.chance(0.7);
  const impatient = dice.chance(0.3);
  // Who repeats on one connection could take the second acknowledgement for that of another message with the number.
  const packetIds = impatient ? 60_000 : window + dice.int(0, 4);
  let listening: Listening | undefined;
  let connection: Connection | undefined;
  let connections = 0;
  let lastId = 0;
  let unacknowledged: Publish[] = [];
  let ticking = false;

  const freeId = (): number => {
    do lastId = (lastId % packetIds) + 1;
    while (unacknowledged.some(({ packetId }) => packetId === lastId));
    return lastId;
  };

  const send = (own: Connection, publish: Publish, dup: boolean): void => {
    publish.wasSent = true;
    own.upAt = Math.max(own.upAt, world.now() + dice.waitMs(meanDelayMs));
    world.after(
      own.upAt - world.now(),
      `${name} publishes ${publish.packetId}`,
      () => arrive(own, publish, dup),
      own.listening.life,
    );
  };

  const arrive = (own: Connection, publish: Publish, dup: boolean): void => {
    if (connection !== own || listening !== own.listening) return;
    const { topic, payload, packetId } = publish;
    const open = unacknowledged.length;
    const turn = own.arrived++;
    own.listening.take(
      { client: name, connection: own.number, persistent, topic, payload, dup, packetId, mayLinger: open < window },
      publish,
      () => {
        if (turn !== own.acknowledged++) {
          world.fail('acknowledgements keep the order of the messages', `${name}: ${packetId} is not the next`);
        }
        own.downAt = Math.max(own.downAt, world.now() + dice.waitMs(meanDelayMs));
        world.after(own.downAt - world.now(), `${name} is acknowledged ${packetId}`, () => acknowledged(own, packetId));
      },
    );
  };

  const acknowledged = (own: Connection, packetId: number): void => {
    if (connection !== own) {
      world.reached('listen: acknowledgement lost');
      return;
    }
    unacknowledged = unacknowledged.filter((one) => one.packetId !== packetId);
  };

  const connect = (): void => {
    if (!listening) return;
    const own: Connection = { number: ++connections, listening, upAt: 0, downAt: 0, arrived: 0, acknowledged: 0 };
    connection = own;
    for (const publish of unacknowledged) {
      if (publish.wasSent) world.reached('listen: message delivered again');
      send(own, publish, publish.wasSent && setsDup);
    }
  };

  const turn = (): void => {
    if (connection && (connection.listening !== listening || dice.chance(settings.breakChance))) {
      connection = undefined;
      if (dice.chance(DEATH_SHARE)) {
        // What it had not got acknowledged it has forgotten: nobody promised anything.
        unacknowledged = [];
        world.reached('listen: device dies and forgets');
      }
      world.after(dice.waitMs(CONNECT_MS), `${name} connects`, () => connection === undefined && connect());
    } else if (connection === undefined) connect();
    if (more() && unacknowledged.length < window) {
      const publish = { ...make(name), packetId: freeId(), wasSent: false };
      unacknowledged.push(publish);
      if (connection) send(connection, publish, false);
    } else if (impatient && connection && unacknowledged.length > 0 && dice.chance(meanMessageMs / IMPATIENT_MS)) {
      world.reached('listen: message repeated on one connection');
      send(connection, unacknowledged[0]!, true);
    }
  };

  const tick = (): void => {
    world.after(dice.waitMs(meanMessageMs), `${name} measures`, () => {
      turn();
      ticking = more() || unacknowledged.length > 0;
      if (ticking) tick();
    });
  };

  return {
    meet(found) {
      listening = found;
      if (found === undefined || ticking) return;
      ticking = true;
      tick();
    },
  };
}
