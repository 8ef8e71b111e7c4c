import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { partialKeyOf } from '../../core/cold-layout.ts';
import { summarise } from '../../core/summary.ts';
import { readLandedMessage } from '../landed-message.ts';
import type { AggregatePorts } from './env.ts';

export type Aggregate = (event: SQSEvent) => Promise<SQSBatchResponse>;

/**
 * One object of partial summaries for each landed object that the messages name, its key and its bytes determined by
 * it: doing it again, or twice at once, changes nothing. A message that fails comes again, in the end to the dead
 * letters.
 */
export function createHandler(ports: AggregatePorts): Aggregate {
  const { objects, logger } = ports;

  return async (event) => {
    const failed: string[] = [];
    // One after the other: a batch of a busy fleet is large, and the memory is sized for one.
    for (const record of event.Records) if (!(await handle(record))) failed.push(record.messageId);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };

  async function handle({ messageId, body }: SQSRecord): Promise<boolean> {
    try {
      for (const key of readLandedMessage(body)) await aggregate(key);
      return true;
    } catch (error) {
      logger.error({ err: error, message: messageId }, 'landed object not summarised; its message comes again');
      return false;
    }
  }

  async function aggregate(landing: string): Promise<void> {
    const partials = partialKeyOf(landing);
    if (partials === undefined) throw new Error(`${landing} is no key of a landed object`);
    const bytes = await objects.get(landing);
    if (bytes === undefined) {
      logger.warn({ key: landing }, 'landed object is gone; nothing to summarise');
      return;
    }
    const rows = await ports.decodeRows(bytes);
    const summaries = summarise(rows);
    await objects.put(partials, ports.encodePartials(summaries));
    logger.info({ key: landing, rows: rows.length, summaries: summaries.length }, 'summarised');
  }
}
