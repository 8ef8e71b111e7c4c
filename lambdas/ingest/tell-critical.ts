import type { ByteCodec } from '../../core/byte-codec.ts';
import type { Envelope } from '../../core/envelope.ts';
import { decodeEnvelope } from '../../core/envelope-codec.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { Logger } from '../../core/ports.ts';
import { type Notice, noticesOf } from './critical-notices.ts';

const MAX_NODES_AT_ONCE = 16;

export interface TellPorts {
  /** undefined = nobody is told. */
  notify?: (notice: Notice) => Promise<void>;
  logger: Logger;
  codec: ByteCodec;
}

/**
 * Tells of the critical records among envelopes that are stored, node by node.
 *
 * @returns a function that resolves to the indexes of the payloads that are to be told again
 */
export function createTeller(ports: TellPorts, fleet: string): (payloads: readonly Uint8Array[]) => Promise<number[]> {
  const { notify, logger, codec } = ports;
  if (notify === undefined) return async () => [];

  return async (payloads) => {
    const untold = await inParallel(
      MAX_NODES_AT_ONCE,
      [...byNode(payloads, codec)],
      async ([node, { envelopes, indexes }]) => {
        try {
          for (const notice of noticesOf(fleet, node, envelopes)) await notify(notice);
          return [];
        } catch (error) {
          logger.error({ err: error, node }, 'critical records not told; their messages come again');
          return indexes;
        }
      },
    );
    return untold.flat();
  };
}

function byNode(
  payloads: readonly Uint8Array[],
  codec: ByteCodec,
): Map<string, { envelopes: Envelope[]; indexes: number[] }> {
  const nodes = new Map<string, { envelopes: Envelope[]; indexes: number[] }>();
  for (const [index, payload] of payloads.entries()) {
    const decoded = decodeEnvelope(payload, codec);
    if (!decoded.ok || decoded.envelope.header.lane !== 0) continue;
    const { node } = decoded.envelope.header;
    const of = nodes.get(node) ?? { envelopes: [], indexes: [] };
    nodes.set(node, of);
    of.envelopes.push(decoded.envelope);
    of.indexes.push(index);
  }
  return nodes;
}
