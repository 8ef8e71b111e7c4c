/** A message that a client sent with a packet id, as far as it takes to know it again. */
export interface Remembered {
  readonly packetId: number;
  /** Of topic and payload, 48 bits. */
  readonly hash: number;
  /** Messages of this client before it, modulo 2^32. */
  readonly sequence: number;
  /** The connection that it came on last; undefined = before this start. */
  connection: number | undefined;
  /** Resolves when its fate is durable. */
  readonly fate: Promise<void>;
}

/** How a message arrived. */
export interface Arrival {
  packetId: number;
  hash: number;
  connection: number;
  /** The DUP flag: the client says that it sent this before. */
  dup: boolean;
  /** The client asked to go on with an earlier session. */
  persistent: boolean;
}

/** Knows messages that are delivered again. Of each client the last `size` messages are remembered. */
export interface RedeliveryWindow {
  /** The message that this one repeats, if it is one. */
  find(client: string, arrival: Arrival): Remembered | undefined;
  /** Remembers a new one, in place of the client's oldest; `slot` and `entry` are to be committed with its fate. */
  add(client: string, arrival: Arrival, fate: Promise<void>): { slot: number; entry: string };
}

interface ClientWindow {
  next: number;
  /** By packet id: of two with the same one the client knows only the later. */
  byId: Map<number, Remembered>;
  slots: (Remembered | undefined)[];
}

const SETTLED = Promise.resolve();
const SEQUENCES = 2 ** 32;

/**
 * MQTT 3.1.1 lets a client send again what it has no PUBACK for, under the same packet id: on a new connection, or
 * (against 4.4, but seen) on the same one with the DUP flag. Clients exist that do not set the flag on a new connection
 * (3.3.1.1 demands it); of those that keep a session, the same id and content as on an earlier connection is taken for a
 * repetition too. With a clean session and no flag every message is new.
 *
 * @param size how many messages a client may have unacknowledged, 1 or more
 * @param entries of the last start: client and entry, in any order
 */
export function createRedeliveryWindow(
  size: number,
  entries: Iterable<readonly [client: string, entry: string]> = [],
): RedeliveryWindow {
  const clients = new Map<string, ClientWindow>();
  const windowOf = (client: string): ClientWindow => {
    let window = clients.get(client);
    if (!window) {
      window = { next: 0, byId: new Map(), slots: [] };
      clients.set(client, window);
    }
    return window;
  };
  const put = (window: ClientWindow, message: Remembered): number => {
    const slot = message.sequence % size;
    const oldest = window.slots[slot];
    if (oldest && window.byId.get(oldest.packetId) === oldest) window.byId.delete(oldest.packetId);
    window.slots[slot] = message;
    window.byId.set(message.packetId, message);
    window.next = (message.sequence + 1) % SEQUENCES;
    return slot;
  };

  const found = new Map<string, Remembered[]>();
  for (const [client, entry] of entries) {
    const message = decodeEntry(entry);
    if (message) found.set(client, [...(found.get(client) ?? []), message]);
  }
  for (const [client, messages] of found) {
    const window = windowOf(client);
    for (const message of inOrder(messages).slice(-size)) put(window, message);
  }

  return {
    find(client, { packetId, hash, connection, dup, persistent }) {
      const last = clients.get(client)?.byId.get(packetId);
      if (!last || last.hash !== hash) return undefined;
      if (!dup && (!persistent || last.connection === connection)) return undefined;
      last.connection = connection;
      return last;
    },
    add(client, { packetId, hash, connection }, fate) {
      const window = windowOf(client);
      const message = { packetId, hash, connection, sequence: window.next, fate };
      return { slot: put(window, message), entry: encodeEntry(message) };
    },
  };
}

/** By sequence; across its overflow the later ones are the smaller ones. */
function inOrder(messages: Remembered[]): Remembered[] {
  const overflowed = messages.some(({ sequence }) => sequence > SEQUENCES - 2 ** 20);
  const rank = ({ sequence }: Remembered): number =>
    overflowed && sequence < 2 ** 20 ? sequence + SEQUENCES : sequence;
  return messages.sort((one, other) => rank(one) - rank(other));
}

const ENTRY_BYTES = 12;

/** sequence u32, packet id u16, hash 48 bits; as 16 characters of base64. */
function encodeEntry({ sequence, packetId, hash }: Remembered): string {
  const bytes = Buffer.alloc(ENTRY_BYTES);
  bytes.writeUInt32LE(sequence, 0);
  bytes.writeUInt16LE(packetId, 4);
  bytes.writeUIntLE(hash, 6, 6);
  return bytes.toString('base64');
}

function decodeEntry(entry: string): Remembered | undefined {
  const bytes = Buffer.from(entry, 'base64');
  if (bytes.length !== ENTRY_BYTES) return undefined;
  const [sequence, packetId, hash] = [bytes.readUInt32LE(0), bytes.readUInt16LE(4), bytes.readUIntLE(6, 6)];
  return { sequence, packetId, hash, connection: undefined, fate: SETTLED };
}
