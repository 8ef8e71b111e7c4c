/** Runs tasks one after another, in the order they were given. */
export interface SerialQueue {
  /** Settles as the task does; a task that fails does not stop those behind it. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when everything given so far has ended. */
  idle(): Promise<void>;
}

export function createSerialQueue(): SerialQueue {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const result = tail.then(task);
      // The task's failure belongs to its caller alone.
      tail = result.then(
        () => undefined,
        () => undefined,
      );
      return result;
    },
    idle: async () => void (await tail),
  };
}
