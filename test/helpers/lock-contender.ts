import { lockDirectory } from '../../adapters/embedded/directory-lock.ts';

/** What it is told: lock this directory, at this moment, so that several of them try at once. */
export interface Go {
  directory: string;
  atMs: number;
}

/** `held`, or why not. It holds until it is killed. */
export type Came = { held: true } | { held: false; reason: string };

// Only the channel to the test keeps it alive: it ends with the test.
process.on('message', async ({ directory, atMs }: Go) => {
  while (Date.now() < atMs); // a timer would spread them
  const came = await lockDirectory(directory).then(
    (): Came => ({ held: true }),
    (error: Error): Came => ({ held: false, reason: error.message }),
  );
  process.send!(came);
});
process.send!('ready');
