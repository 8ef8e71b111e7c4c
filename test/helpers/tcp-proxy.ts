import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import type { Random } from '../../core/ports.ts';

/** How bad the way is. It may be changed while connections are open. */
export interface LinkFaults {
  /** One way, each. */
  delayMs: number;
  /** Each way of each connection. @default no bound */
  bytesPerSecond: number | undefined;
  /** Chance that a segment is lost on the way; TCP sends it again, and everything behind it waits (HEAD_MS). */
  lossChance: number;
}

/** A real TCP proxy between a node and its far side. */
export interface TcpProxy {
  port: number;
  faults: LinkFaults;
  /** How many connections were made through it. */
  connections(): number;
  /** Resets every open connection now. */
  resetAll(): void;
  /** Resets each connection that is open, or made from now on, once so many more bytes went up: in mid-packet. */
  resetAfter(bytes: number | undefined): void;
  /** Half-open: what comes, either way, is taken and goes nowhere, new connections too; nothing is closed. */
  freeze(): void;
  /** Connections from the time before are reset, as by a router that has forgotten them. */
  thaw(): void;
  close(): Promise<void>;
}

const SEGMENT_BYTES = 1_460;
/** A lost segment comes so much later, twice that if it is lost again: fast retransmission, not the 200 ms of a timeout. */
const HEAD_MS = 40;
const MAX_QUEUED_BYTES = 256 * 1024;

interface Pair {
  near: Socket;
  far: Socket;
  /** Bytes that may still go up before it is reset. */
  left: number | undefined;
}

export async function startTcpProxy(
  target: number,
  random: Random,
  faults: Partial<LinkFaults> = {},
): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let made = 0;
  let frozen = false;
  let cutAfter: number | undefined;
  const proxy: TcpProxy = {
    port: 0,
    faults: { delayMs: 0, bytesPerSecond: undefined, lossChance: 0, ...faults },
    connections: () => made,
    resetAll: () => pairs.forEach(reset),
    resetAfter(bytes) {
      cutAfter = bytes;
      for (const pair of pairs) pair.left = bytes;
    },
    freeze() {
      frozen = true;
    },
    thaw() {
      frozen = false;
      pairs.forEach(reset);
    },
    async close() {
      pairs.forEach(reset);
      await new Promise<void>((done) => server.close(() => done()));
    },
  };

  const server: Server = createServer((near) => {
    made += 1;
    const pair: Pair = { near, far: new Socket(), left: cutAfter };
    pairs.add(pair);
    near.setNoDelay(true);
    pair.far.setNoDelay(true);
    if (!frozen) pair.far.connect(target, '127.0.0.1');
    carry(pair, near, pair.far, 'up');
    carry(pair, pair.far, near, 'down');
  });

  function carry(pair: Pair, from: Socket, to: Socket, way: 'up' | 'down'): void {
    const line = createLine();
    let lineFreeAt = 0;
    let queued = 0;
    from.on('data', (chunk: Buffer) => {
      if (frozen) return;
      for (let at = 0; at < chunk.length; at += SEGMENT_BYTES) {
        const segment = chunk.subarray(at, at + SEGMENT_BYTES);
        const { delayMs, bytesPerSecond } = proxy.faults;
        const lineMs = bytesPerSecond === undefined ? 0 : (segment.length / bytesPerSecond) * 1_000;
        lineFreeAt = Math.max(lineFreeAt, performance.now()) + lineMs + retransmissionMs();
        queued += segment.length;
        if (queued > MAX_QUEUED_BYTES) from.pause();
        line.at(lineFreeAt + delayMs, () => {
          queued -= segment.length;
          if (queued <= MAX_QUEUED_BYTES / 2) from.resume();
          deliver(pair, to, segment, way);
        });
      }
    });
    from.on('end', () => line.at(lineFreeAt + proxy.faults.delayMs, () => !frozen && to.end()));
    from.on('error', () => !frozen && reset(pair));
    from.on('close', () => line.at(0, () => frozen || (pairs.delete(pair) && to.destroySoon())));
  }

  function retransmissionMs(): number {
    let ms = 0;
    for (let again = HEAD_MS; random.fraction() < proxy.faults.lossChance; again *= 2) ms += again;
    return ms;
  }

  function deliver(pair: Pair, to: Socket, bytes: Buffer, way: 'up' | 'down'): void {
    if (frozen || to.destroyed) return;
    if (way === 'up' && pair.left !== undefined) {
      to.write(bytes.subarray(0, pair.left));
      pair.left -= bytes.length;
      if (pair.left <= 0) reset(pair);
    } else to.write(bytes);
  }

  function reset(pair: Pair): void {
    pairs.delete(pair);
    for (const socket of [pair.near, pair.far]) {
      socket.on('error', () => {});
      // One that has said its end already can not be reset: Node would keep its handle for ever.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  proxy.port = (server.address() as AddressInfo).port;
  return proxy;
}

/** Runs things at their times, and in the order in which they came, whatever the timers do. */
function createLine(): { at(dueMs: number, run: () => void): void } {
  const waiting: { dueMs: number; run: () => void }[] = [];
  let isTimed = false;
  function pump(): void {
    for (let head = waiting[0]; head !== undefined && !isTimed; head = waiting[0]) {
      const waitMs = head.dueMs - performance.now();
      if (waitMs > 0) {
        isTimed = true;
        setTimeout(() => {
          isTimed = false;
          pump();
        }, waitMs);
        return;
      }
      waiting.shift();
      head.run();
    }
  }
  return {
    at(dueMs, run) {
      waiting.push({ dueMs, run });
      pump();
    },
  };
}
