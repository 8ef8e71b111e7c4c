/** An honest machine needs one at a time. */
export const MAX_HANDSHAKES_PER_ADDRESS = 8;
/** On this machine all nodes of a fleet may run, and all dial when the hub starts; then so many beside them. */
export const SPARE_LOCAL_HANDSHAKES = 32;

export interface HandshakeGate {
  /** @param end names the connection until `finish` */
  begin(address: string, end: string): { ok: true } | { ok: false; allowed: number };
  /** Done, failed or gone; a second time does nothing. */
  finish(end: string): void;
}

/**
 * Counts unfinished handshakes by address: who opens connections and says nothing takes up its own room, not that of
 * the nodes.
 *
 * @param nodes how many may run on this machine
 */
export function createHandshakeGate(nodes: number): HandshakeGate {
  const unfinished = new Map<string, Set<string>>();
  const addressOf = new Map<string, string>();
  return {
    begin(address, end) {
      const ends = unfinished.get(address) ?? new Set<string>();
      const allowed = isLocal(address) ? nodes + SPARE_LOCAL_HANDSHAKES : MAX_HANDSHAKES_PER_ADDRESS;
      if (ends.size >= allowed) return { ok: false, allowed };
      ends.add(end);
      unfinished.set(address, ends);
      addressOf.set(end, address);
      return { ok: true };
    },
    finish(end) {
      const address = addressOf.get(end);
      if (address === undefined) return;
      addressOf.delete(end);
      const ends = unfinished.get(address)!;
      ends.delete(end);
      if (ends.size === 0) unfinished.delete(address);
    },
  };
}

const isLocal = (address: string): boolean => address === '::1' || /^(::ffff:)?127\./.test(address);
