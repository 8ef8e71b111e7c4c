/** The terminal sends Ctrl-C to npm and to us, and npm sends it on: the same one comes twice, well below this. */
const SAME_CTRL_C_MS = 250;

/** Resolves at the first SIGINT or SIGTERM, or after `forMs`. A second signal ends the process at once (exit 130). */
export function untilStopped(forMs: number | undefined): Promise<'signal' | 'time'> {
  return new Promise((resolve) => {
    const timer = forMs === undefined ? undefined : setTimeout(() => resolve('time'), forMs);
    timer?.unref(); // a command that ends early, because its fleet file is wrong, must not wait for it
    let asked: { signal: NodeJS.Signals; atMs: number } | undefined;
    const stop = (signal: NodeJS.Signals): void => {
      const isSame = signal === 'SIGINT' && asked?.signal === signal && performance.now() - asked.atMs < SAME_CTRL_C_MS;
      if (isSame) return;
      if (asked) {
        process.stderr.write('headwater: stopped at once; what was not delivered stays in the journals\n');
        process.exit(130);
      }
      asked = { signal, atMs: performance.now() };
      clearTimeout(timer);
      resolve('signal');
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
