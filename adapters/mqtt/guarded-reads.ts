import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../core/ports.ts';
import { createFrameGuard } from './frame-guard.ts';

export interface ReadRules {
  maxPacketBytes: number;
  /** The connection is closed: a packet is too large, or none at all. */
  onBad: (verdict: 'too-large' | 'malformed') => void;
  /** After each chunk: for how many ms nothing more is to be read. */
  waitMsAfter: (bytes: number, messages: number) => number;
}

/**
 * Stands between a connection and aedes, which reads by itself, whose parser has no limit and which knows no rates:
 * every chunk passes here on its way there.
 */
export function guardReads(socket: TLSSocket, clock: Clock, rules: ReadRules): void {
  let messages = 0;
  let isHeldBack = false;
  const guard = createFrameGuard(rules.maxPacketBytes, () => {
    messages += 1;
  });
  const read = socket.read.bind(socket);

  socket.read = (size?: number) => {
    if (isHeldBack) return null; // it fills the socket, then the connection, then the client waits
    const chunk: Buffer | null = read(size);
    if (chunk === null) return null;
    const verdict = guard(chunk);
    if (verdict !== 'ok') {
      rules.onBad(verdict);
      socket.destroy();
      return null;
    }
    const waitMs = rules.waitMsAfter(chunk.length, messages);
    messages = 0;
    if (waitMs > 0) holdBack(waitMs);
    return chunk;
  };

  function holdBack(waitMs: number): void {
    isHeldBack = true;
    const cancel = clock.after(waitMs, () => {
      socket.off('close', cancel);
      isHeldBack = false;
      socket.emit('readable'); // aedes reads on
    });
    socket.once('close', cancel);
  }
}
