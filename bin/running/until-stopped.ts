/** Resolves at the first SIGINT or SIGTERM, or after `forMs`. A second signal ends the process at once (exit 130). */
export function untilStopped(forMs: number | undefined): Promise<'signal' | 'time'> {
  return new Promise((resolve) => {
    const timer = forMs === undefined ? undefined : setTimeout(() => resolve('time'), forMs);
    timer?.unref(); // a command that ends early, because its fleet file is wrong, must not wait for it
    let asked = false;
    const stop = (): void => {
      if (asked) {
        process.stderr.write('headwater: stopped at once; what was not delivered stays in the journals\n');
        process.exit(130);
      }
      asked = true;
      clearTimeout(timer);
      resolve('signal');
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
