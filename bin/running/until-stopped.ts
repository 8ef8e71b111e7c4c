/** The terminal sends Ctrl-C to npm and to us, and npm sends it on: the same one comes twice, well below this. */
const SAME_CTRL_C_MS = 250;

/**
 * Resolves at the first SIGINT or SIGTERM, or after `forMs`. A second Ctrl-C (SIGINT) ends the process at once (exit 130):
 * a person has seen that it takes long. A second SIGTERM changes nothing: supervisors repeat it, and mean nothing by it;
 * when their patience ends they send SIGKILL.
 */
export function untilStopped(forMs: number | undefined): Promise<'signal' | 'time'> {
  return new Promise((resolve) => {
    const timer = forMs === undefined ? undefined : setTimeout(() => resolve('time'), forMs);
    timer?.unref(); // a command that ends early, because its fleet file is wrong, must not wait for it
    const stop = (): void => {
      clearTimeout(timer);
      resolve('signal');
    };
    let interruptedMs: number | undefined;
    process.on('SIGTERM', stop);
    process.on('SIGINT', () => {
      const now = performance.now();
      if (interruptedMs === undefined) {
        interruptedMs = now;
        return stop();
      }
      if (now - interruptedMs < SAME_CTRL_C_MS) return;
      process.stderr.write('headwater: second Ctrl-C: stopped at once; what was not delivered stays in the journals\n');
      process.exit(130);
    });
  });
}
