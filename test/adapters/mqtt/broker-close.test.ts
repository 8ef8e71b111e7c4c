import { test } from '@jest/globals';
import { createHubRig, until } from '../../helpers/hub-rig.ts';

test('close finishes the batch in flight and sends its answers first', async () => {
  let entered = () => {};
  const inIngest = new Promise<void>((resolve) => {
    entered = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hub = await createHubRig({
    nodes: ['n-1'],
    ingest: async (messages) => {
      entered();
      await released;
      return {
        answers: Array.from({ length: 200 }, () => ({
          client: messages[0]!.client,
          payload: Buffer.alloc(4_500, 'x'),
        })),
        failed: [],
      };
    },
  });
  const uplink = await hub.uplink('n-1');
  await new Promise<void>((resolve) => uplink.onLink((up) => up && resolve()));
  let answers = 0;
  uplink.onAnswer(() => {
    answers += 1;
  });
  const sent = uplink.send('bulk', Buffer.from('last words'));
  await inIngest;
  const closing = [hub.broker().close(), hub.broker().close()];
  release();
  await sent;
  await Promise.all(closing);
  await until('all answers', () => answers === 200);
  await hub.dispose();
});
