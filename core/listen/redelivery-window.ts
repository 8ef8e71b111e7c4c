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

/** What is to be committed with the fate of a message, in the place of what was under its key. */
export interface Kept {
  key: string;
  entry: string;
  /** False once a later message has the key. */
  isCurrent(): boolean;
}

/** Knows messages that are delivered again. */
export interface RedeliveryWindow {
  /** The message that this one repeats, if it is one. */
  find(client: string, arrival: Arrival): Remembered | undefined;
  /** Remembers a new one, in place of the client's oldest. */
  add(client: string, arrival: Arrival, fate: Promise<void>): Kept;
}

interface ClientWindow {
  next: number;
  /** By packet id: of two with the same one the client knows only the later. */
  byId: Map<number, Remembered>;
  /** The oldest first. */
  slots: Map<number, Remembered>;
}

/**
 * Messages remembered of a client for each that it may have unacknowledged. Which of those a crash makes new is not
 * foreseeable: what waited is forgotten, what came after it was committed. So while a message is unacknowledged, as many
 * before it and as many after it as a client may have open can be added after it, and none of them may push it out.
 */
export const REMEMBERED_PER_OPEN = 2;

const SETTLED = Promise.resolve();
const SEQUENCES = 2 ** 32;

/**
 * MQTT 3.1.1 lets a client send again what it has no PUBACK for, under the same packet id: on a new connection, or
 * (against 4.4, but seen) on the same one with the DUP flag. Clients exist that do not set the flag on a new connection
 * (3.3.1.1 demands it); of those that keep a session, the same id and content as on an earlier connection is taken for a
 * repetition too. With a clean session and no flag every message is new.
 *
 * @param maxInFlight how many messages a client may have unacknowledged, 1 or more; of each the last
 *   `REMEMBERED_PER_OPEN` times as many are remembered
 * @param state what was committed up to the last start, by key, in any order
 */
export function createRedeliveryWindow(
  maxInFlight: number,
  state: Iterable<readonly [key: string, entry: unknown]> = [],
): RedeliveryWindow {
  const size = REMEMBERED_PER_OPEN * maxInFlight;
  const clients = new Map<string, ClientWindow>();
  const windowOf = (client: string): ClientWindow => {
    let window = clients.get(client);
    if (!window) {
      window = { next: 0, byId: new Map(), slots: new Map() };
      clients.set(client, window);
    }
    return window;
  };
  const forget = (window: ClientWindow, slot: number): void => {
    const message = window.slots.get(slot);
    if (message && window.byId.get(message.packetId) === message) window.byId.delete(message.packetId);
    window.slots.delete(slot);
  };
  const put = (window: ClientWindow, slot: number, message: Remembered): void => {
    forget(window, slot);
    window.slots.set(slot, message);
    window.byId.set(message.packetId, message);
    window.next = (message.sequence + 1) % SEQUENCES;
  };
  /** A free one, or that of the oldest message. */
  const slotFor = ({ slots }: ClientWindow): number => {
    if (slots.size >= size) return slots.keys().next().value!;
    for (let slot = 0; ; slot++) if (!slots.has(slot)) return slot;
  };

  for (const [client, messages] of messagesIn(state)) {
    const window = windowOf(client);
    for (const { slot, message } of inOrder(messages).slice(-size)) put(window, slot, message);
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
      const slot = slotFor(window);
      put(window, slot, message);
      return {
        key: `${client}/${slot}`,
        entry: encodeEntry(message),
        isCurrent: () => window.slots.get(slot) === message,
      };
    },
  };
}

interface Found {
  slot: number;
  message: Remembered;
}

function messagesIn(state: Iterable<readonly [key: string, entry: unknown]>): Map<string, Found[]> {
  const found = new Map<string, Found[]>();
  for (const [key, entry] of state) {
    const message = typeof entry === 'string' ? decodeEntry(entry) : undefined;
    const [, client, slot] = /^(.*)\/(\d+)$/.exec(key) ?? [];
    if (!message || client === undefined) continue;
    found.set(client, [...(found.get(client) ?? []), { slot: Number(slot), message }]);
  }
  return found;
}

/** By sequence; across its overflow the later ones are the smaller ones. */
function inOrder(found: Found[]): Found[] {
  const overflowed = found.some(({ message }) => message.sequence > SEQUENCES - 2 ** 20);
  const rank = ({ message: { sequence } }: Found): number =>
    overflowed && sequence < 2 ** 20 ? sequence + SEQUENCES : sequence;
  return found.sort((one, other) => rank(one) - rank(other));
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
