import type { Cancel, Clock } from '../core/ports.ts';

/** Waits for the work, but no longer than this. */
export async function atMost(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  let cancel: Cancel = () => {};
  const timeout = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([work, timeout]);
  cancel();
}
