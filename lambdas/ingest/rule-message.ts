import * as z from 'zod';
import { thingOf } from '../../core/cloud-names.ts';
import type { IngestMessage } from './env.ts';

/** What the topic rules put into the queue: `client` is `clientid()`, proven by the certificate of the connection. */
const ruleMessage = z.object({ payload: z.base64(), client: z.string().min(1) });

/** A body as a message; undefined if no rule of ours wrote it. */
export function readRuleMessage(body: string): IngestMessage | undefined {
  const parsed = ruleMessage.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  const { payload, client } = parsed.data;
  return { client: thingOf(client), payload: Buffer.from(payload, 'base64') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no shape fits it
  }
}
