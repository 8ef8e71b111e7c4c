import { readCalls, type TracedInvocation } from './calls.ts';
import type { FleetCloud } from './fleet-cloud.ts';

interface QueueEvent {
  Records: { messageId: string; body: string; attributes: { ApproximateReceiveCount: string } }[];
}

/** One handing out of a client's message to a function. */
export interface DeliveredMessage {
  messageId: string;
  body: string;
  receives: number;
  invocation: TracedInvocation;
}

/** What a function was handed of a client, in order. */
export const deliveriesOf = ({ cloud }: FleetCloud, name: string, client: string): DeliveredMessage[] =>
  readCalls(cloud, name, client).flatMap((invocation) =>
    ((invocation.event as Partial<QueueEvent>).Records ?? [])
      .filter(({ body }) => body.includes(`"${client}"`))
      .map(({ messageId, body, attributes }) => ({
        messageId,
        body,
        receives: Number(attributes.ApproximateReceiveCount),
        invocation,
      })),
  );
