import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../core/ports.ts';
import { atMost } from '../at-most.ts';

/** How long leaving clients may take to read their last answers. */
const GOODBYE_MS = 1_000;

/** Lets written answers reach the clients, but waits for nobody who does not read. */
export async function sayGoodbye(sockets: ReadonlySet<TLSSocket>, clock: Clock): Promise<void> {
  // client.publish writes in a later turn of the event loop.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const gone = [...sockets].map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        socket.end();
      }),
  );
  await atMost(GOODBYE_MS, Promise.all(gone), clock);
}
