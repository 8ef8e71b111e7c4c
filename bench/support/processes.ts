import { type ChildProcess, fork } from 'node:child_process';

/** A helper process that answers one question at a time. */
export interface Role<Ready, Answer> {
  ready: Ready;
  ask(question: string): Promise<Answer>;
  /** Asks it to end; resolves when it has. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts roles/<name>.ts from the bundle beside this one; resolves with the first message it sends. */
export async function startRole<Ready, Answer = never>(name: string, config: object): Promise<Role<Ready, Answer>> {
  const child = fork(new URL(`./${name}.js`, import.meta.url), [JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  running.add(child);
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      running.delete(child);
      resolve();
    }),
  );
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`${name} ended with code ${code}`));
      child.once('exit', onExit);
      child.once('message', (message) => {
        child.off('exit', onExit);
        resolve(message as T);
      });
    });
  const ready = await next<Ready>();
  return {
    ready,
    ask(question) {
      const answer = next<Answer>();
      child.send(question);
      return answer;
    },
    async stop() {
      if (child.connected) child.send('stop');
      await ended;
    },
  };
}

/** The other end: answers questions until it is told to stop. */
export async function playRole<Answer>(
  ready: object,
  answer: (question: string) => Promise<Answer>,
  stop: () => Promise<void>,
): Promise<void> {
  process.on('message', (question: string) => {
    if (question === 'stop') void stop().then(() => process.disconnect());
    else void answer(question).then((value) => process.send?.(value as object));
  });
  process.send?.(ready);
}

export const roleConfig = <Config>(): Config => JSON.parse(process.argv[2] ?? '{}') as Config;
