import type { TLSSocket } from 'node:tls';

export interface InflowLimits {
  /** Messages of one connection whose fate is open. */
  maxInFlight: number;
  /** Bytes of messages of all connections whose fate is open. */
  maxOpenBytes: number;
}

/** One connection's share. */
export interface Inflow {
  /** A message was read. */
  begin(bytes: number): void;
  /** Its fate is durable. */
  end(bytes: number): void;
  /** Messages whose fate is open. */
  readonly open: number;
}

/** Read at a time, so that one read never holds many messages more than a device may have open. */
const SLICE_BYTES = 16 * 1024;
/** A device that does not read its acknowledgements is not read either. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** What a message costs beside its bytes: small ones are no free ride. */
const MESSAGE_BYTES = 1_024;

/**
 * Backpressure: a connection beyond its limits is not read, so TCP makes its device wait; the others go on. aedes reads
 * from the socket by itself, so this stands in front of `socket.read`.
 */
export function createInflows(limits: InflowLimits): (socket: TLSSocket) => Inflow {
  let openBytes = 0;
  /** Connections that wait for others to get their fates. */
  const waiting = new Set<() => void>();

  return (socket) => {
    const read = socket.read.bind(socket);
    let open = 0;
    // aedes reads when it is told that there is something to read.
    const readOn = (): void => void (socket.destroyed || socket.emit('readable'));
    const mayRead = (): boolean => {
      if (open >= limits.maxInFlight || socket.writableLength > MAX_UNREAD_BYTES) return false;
      if (openBytes >= limits.maxOpenBytes) {
        waiting.add(readOn);
        return false;
      }
      return true;
    };
    socket.read = (size?: number) => {
      // Node's own way to ask for more: what it were given would be lost.
      if (size === 0) return read(0);
      if (!mayRead()) return null;
      const chunk: Buffer | null = read(socket.readableLength > SLICE_BYTES ? SLICE_BYTES : undefined);
      // What is left in the socket's buffer is announced by nobody.
      if (chunk !== null && socket.readableLength > 0) setImmediate(readOn);
      return chunk;
    };
    socket.on('drain', readOn);
    socket.once('close', () => {
      waiting.delete(readOn);
    });

    return {
      get open() {
        return open;
      },
      begin(bytes) {
        open++;
        openBytes += bytes + MESSAGE_BYTES;
      },
      end(bytes) {
        open--;
        openBytes -= bytes + MESSAGE_BYTES;
        if (openBytes >= limits.maxOpenBytes) return;
        const others = [...waiting];
        waiting.clear();
        for (const goOn of others) setImmediate(goOn);
      },
    };
  };
}
