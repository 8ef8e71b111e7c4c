import { createHash } from 'node:crypto';
import { asideKey, dayOf } from '../../core/cold-layout.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ObjectStore } from '../../core/object-store.ts';
import type { PoisonMessage } from '../../core/ports.ts';

const MAX_REQUESTS_AT_ONCE = 16;
const MAX_DETAIL_CHARACTERS = 1_000;

/**
 * Keeps messages that can never be taken, one object each, where the table `aside` reads. The name follows from the
 * message, so that keeping it again changes nothing; the bucket's lifecycle bounds them in time.
 */
export async function putAsideObjects(objects: ObjectStore, messages: readonly PoisonMessage[]): Promise<void> {
  await inParallel(MAX_REQUESTS_AT_ONCE, messages, (message) =>
    objects.put(asideKey(nameOf(message), dayOf(message.atMs)), Buffer.from(`${JSON.stringify(lineOf(message))}\n`)),
  );
}

const nameOf = ({ client, reason, payload }: PoisonMessage): string =>
  createHash('sha256').update(`${client}\n${reason}\n`).update(payload).digest('hex').slice(0, 32);

const lineOf = ({ client, reason, detail, atMs, payload }: PoisonMessage) => ({
  client,
  reason,
  detail: detail.slice(0, MAX_DETAIL_CHARACTERS),
  at_ms: atMs,
  bytes: payload.length,
  payload: Buffer.from(payload).toString('base64'),
});
