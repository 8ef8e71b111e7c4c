import type { Uplink } from '../../core/ports.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';

export interface MemoryUplink extends Uplink {
  /** Cuts or restores the link. */
  setLink(up: boolean): void;
}

/** The way from a node to an ingest in the same process; the link is up from the start. Answers come in a later turn. */
export function createMemoryUplink(ingest: Ingest, node: string): MemoryUplink {
  let tellAnswer: (payload: Uint8Array) => void = () => {};
  let tellLink: (connected: boolean) => void = () => {};
  /** Whether there is a way, and whether one is wanted. */
  let passable = true;
  let needed = true;
  let up = true;
  let closed = false;
  /** Grows with each loss: what was under way before it is gone. */
  let losses = 0;

  function update(): void {
    const wasUp = up;
    up = passable && needed;
    if (closed || up === wasUp) return;
    if (!up) losses += 1;
    tellLink(up);
  }

  return {
    async send(_traffic, payload) {
      if (closed || !up) throw new Error('not connected to the far side');
      const lossesBefore = losses;
      // A copy, as a wire makes one: the caller may use its buffer again.
      const { answers } = await ingest([{ client: node, payload: payload.slice() }]);
      if (closed || losses !== lossesBefore) throw new Error('the link was lost before the message was taken');
      for (const answer of answers) if (answer.client === node) tellAnswer(answer.payload);
    },
    onAnswer(listen) {
      tellAnswer = listen;
    },
    onLink(listen) {
      tellLink = listen;
      if (up && !closed) listen(true);
    },
    using: () => 'memory',
    wanted(isWanted) {
      needed = isWanted;
      update();
    },
    async close() {
      closed = true;
    },
    setLink(isPassable) {
      passable = isPassable;
      update();
    },
  };
}
