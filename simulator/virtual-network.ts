import { crc32 } from 'node:zlib';
import type { Uplink } from '../core/ports.ts';
import { type Life, never, type World } from './world.ts';

/** How bad the way is; drawn once a seed, calm after the faults stop. */
export interface NetworkFaults {
  meanDelayMs: number;
  lossChance: number;
  duplicateChance: number;
  /** Chance that a message takes hours. */
  lateChance: number;
  meanLateMs: number;
  /** Chance that the transport's word for a message taken never comes, or comes as a failure. */
  silentTransportChance: number;
}

/** The network between one node and the far side. */
export interface VirtualLink {
  /** The uplink of one process; connects by itself when the way is open. */
  uplinkOf(life: Life): Uplink;
  /** An answer on its way to the node, whichever process runs there when it comes. */
  answer(payload: Uint8Array): void;
  /** The way is closed or open. Closing cuts the connection, at once or, `unseen`, only when it opens again. */
  setOpen(open: boolean, unseen?: boolean): void;
  /** The connection breaks and is made anew. */
  reset(): void;
  faults: NetworkFaults;
}

interface Connection {
  life: Life;
  /** Refuse what the transport still holds. */
  pending: Set<(error: Error) => void>;
}

export function createVirtualLink(
  world: World,
  name: string,
  faults: NetworkFaults,
  deliver: (payload: Uint8Array) => void,
): VirtualLink {
  const { dice } = world;
  let open = true;
  /** What a process on the node listens with. */
  let listener:
    | { life: Life; wanted: boolean; link: (up: boolean) => void; answer: (payload: Uint8Array) => void }
    | undefined;
  let connection: Connection | undefined;

  const link: VirtualLink = { uplinkOf, answer, setOpen, reset, faults };

  function uplinkOf(life: Life): Uplink {
    const own: NonNullable<typeof listener> = { life, wanted: true, link: () => undefined, answer: () => undefined };
    disconnect();
    listener = own;
    connectSoon();
    return {
      send(traffic, payload) {
        if (!life.alive) return never();
        const current = connection;
        if (!current || current.life !== life) return Promise.reject(new Error('not connected'));
        const bytes = payload.slice();
        world.note(`${name} sends ${traffic} ${bytes.length} ${crc32(bytes.subarray(0, -4))}`);
        carry('up', bytes, deliver);
        return transportWord(current);
      },
      onAnswer: (listen) => {
        own.answer = listen;
      },
      onLink: (listen) => {
        own.link = listen;
        if (connection?.life === life) listen(true);
      },
      using: () => 'virtual',
      wanted(isWanted) {
        if (listener !== own || isWanted === own.wanted) return;
        own.wanted = isWanted;
        if (isWanted) connectSoon();
        else disconnect();
      },
      close: async () => {
        if (listener === own) {
          disconnect();
          listener = undefined;
        }
      },
    };
  }

  /** PUBACK: says nothing about storage, may be late, lost, or wrong. */
  function transportWord(current: Connection): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => reject(error);
      current.pending.add(refuse);
      if (!open) return;
      if (dice.chance(link.faults.silentTransportChance)) {
        world.reached('network: transport silent or wrong about a message');
        if (dice.chance(0.5)) return;
        world.after(
          delay(),
          `${name} transport refuses`,
          () => settle(() => reject(new Error('not taken'))),
          current.life,
        );
        return;
      }
      world.after(delay(), `${name} transport took it`, () => settle(resolve), current.life);
      function settle(tell: () => void): void {
        if (current.pending.delete(refuse)) tell();
      }
    });
  }

  function answer(payload: Uint8Array): void {
    carry('down', payload, (bytes) => {
      if (connection && listener?.life.alive && listener.life === connection.life) listener.answer(bytes);
      else world.reached('network: answer lost, node not connected');
    });
  }

  function carry(way: 'up' | 'down', bytes: Uint8Array, arrive: (bytes: Uint8Array) => void): void {
    if (dice.chance(link.faults.lossChance)) {
      world.reached(`network: message lost ${way}`);
      return;
    }
    const copies = dice.chance(link.faults.duplicateChance) ? 2 : 1;
    if (copies === 2) world.reached(`network: message duplicated ${way}`);
    for (let copy = 0; copy < copies; copy++) {
      const late = dice.chance(link.faults.lateChance);
      if (late) world.reached(`network: message hours late ${way}`);
      const ms = late ? dice.waitMs(link.faults.meanLateMs) : delay();
      world.after(ms, `${name} ${way} arrives ${bytes.length} ${crc32(bytes.subarray(0, -4))}`, () => {
        if (open) arrive(bytes);
        else world.reached(`network: message lost in a partition ${way}`);
      });
    }
  }

  const delay = (): number => dice.waitMs(link.faults.meanDelayMs);

  function setOpen(wanted: boolean, unseen = false): void {
    if (wanted === open) return;
    open = wanted;
    world.note(`${name} way ${open ? 'opens' : unseen ? 'closes unseen' : 'closes'}`);
    world.reached(open ? 'network: way open again' : unseen ? 'network: half-open' : 'network: partition');
    if (open) {
      if (connection) disconnect(); // the other end has forgotten this connection
      connectSoon();
    } else if (!unseen) disconnect();
  }

  function reset(): void {
    if (!connection) return;
    world.reached('network: connection reset');
    disconnect();
    connectSoon();
  }

  function disconnect(): void {
    const lost = connection;
    connection = undefined;
    if (!lost) return;
    world.note(`${name} link lost`);
    for (const refuse of lost.pending) if (lost.life.alive) refuse(new Error('connection lost'));
    if (lost.life.alive && listener?.life === lost.life) listener.link(false);
  }

  function connectSoon(): void {
    const waiting = listener;
    if (!waiting) return;
    world.after(
      dice.waitMs(500),
      `${name} connects`,
      () => {
        if (!open || connection || listener !== waiting || !waiting.wanted) return;
        connection = { life: waiting.life, pending: new Set() };
        waiting.link(true);
      },
      waiting.life,
    );
  }

  return link;
}
