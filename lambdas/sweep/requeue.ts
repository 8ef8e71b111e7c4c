import { COLD_PREFIXES, partialKeyOf } from '../../core/cold-layout.ts';
import type { StoredObject } from '../../core/object-store.ts';
import { landedMessage } from '../landed-message.ts';
import type { SweepPorts } from './env.ts';

/** As long as a message lives in its queue: what was not summarised by then needs a person. */
const LOOK_BACK_MS = 14 * 86_400_000;
/** Nothing says how large they are, and a message that takes too long begins anew. */
const MAX_KEYS_IN_MESSAGE = 1;
const CURSOR = { pk: 'sweep', sk: 'cursor' };
/** Sorts after every name of a batch. */
const AFTER_ALL = '~';

interface Requeued {
  queued: number;
  complete: boolean;
}

/**
 * Queues landed objects again that have no summaries. Old recordings land on old days, so all days are looked at; of
 * each only the objects that came lately, which the names of batches tell: they begin with the time.
 *
 * @param leftBehindMs a younger object may be in the queue still
 */
export function createRequeue(ports: SweepPorts, leftBehindMs: number): (hasTime: () => boolean) => Promise<Requeued> {
  const { objects, table } = ports;

  return async (hasTime) => {
    const [item] = await table.get([CURSOR]);
    const cursor = item === undefined ? undefined : String(item.key);
    const result: Requeued = { queued: 0, complete: true };
    let lookedAt: string | undefined;
    let keys: string[] = [];
    const send = async (): Promise<void> => {
      await ports.sendLanded(landedMessage(keys));
      result.queued += keys.length;
      keys = [];
    };
    for await (const { key, isMissing } of landedSince(cursor)) {
      if (!hasTime()) {
        result.complete = false;
        break;
      }
      lookedAt = key;
      if (!isMissing) continue;
      keys.push(key);
      if (keys.length === MAX_KEYS_IN_MESSAGE) await send();
    }
    if (keys.length > 0) await send();
    // Only now: what is behind the cursor is in the queue.
    if (result.complete && cursor !== undefined) await table.write({ key: CURSOR, delete: true });
    if (!result.complete && lookedAt !== undefined) await table.write({ key: CURSOR, set: { key: lookedAt } });
    return result;
  };

  async function* landedSince(cursor: string | undefined): AsyncGenerator<{ key: string; isMissing: boolean }> {
    for await (const day of days(cursor)) {
      const oldest = `${day}${timeInName(ports.nowMs() - LOOK_BACK_MS)}`;
      yield* landedOf(day, cursor !== undefined && cursor > oldest ? cursor : oldest);
      yield { key: `${day}${AFTER_ALL}`, isMissing: false }; // a day with nothing new takes time too
    }
  }

  /** Prefixes of the days, found by asking for what follows each: there may be thousands of objects a day. */
  async function* days(cursor: string | undefined): AsyncGenerator<string> {
    let after = cursor === undefined ? undefined : dayPrefixOf(cursor);
    for (;;) {
      const first = await firstOf(objects.list(COLD_PREFIXES.landing, after));
      if (first === undefined) return;
      const day = dayPrefixOf(first.key);
      yield day;
      after = `${day}${AFTER_ALL}`;
    }
  }

  /** Both listings are sorted and named alike, so one pass over both finds what is missing. */
  async function* landedOf(day: string, after: string): AsyncGenerator<{ key: string; isMissing: boolean }> {
    const partials = objects.list(partialKeyOf(day)!, partialKeyOf(after))[Symbol.asyncIterator]();
    let partial: IteratorResult<StoredObject> | undefined;
    for await (const { key, modifiedMs } of objects.list(day, after)) {
      const wanted = partialKeyOf(key)!;
      partial ??= await partials.next(); // most days have nothing new, and cost one listing only
      while (!partial.done && partial.value.key < wanted) partial = await partials.next();
      const isThere = !partial.done && partial.value.key === wanted;
      yield { key, isMissing: !isThere && modifiedMs <= ports.nowMs() - leftBehindMs };
    }
  }
}

/** How names of batches begin (adapters/aws/record-store.ts). */
const timeInName = (ms: number): string => ms.toString(36).padStart(9, '0');

/** `landing/dt=2025-01-01/`. A key directly below `landing/` is a day of its own. */
const dayPrefixOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);

async function firstOf(list: AsyncIterable<StoredObject>): Promise<StoredObject | undefined> {
  for await (const object of list) return object;
  return undefined;
}
