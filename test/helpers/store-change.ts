import { type Envelope, positionsOf } from '../../core/envelope.ts';
import type { LaneKey } from '../../core/identity.ts';
import type { StoreChange, StoredEnvelope } from '../../core/ports.ts';
import type { RangeSet } from '../../core/ranges.ts';
import { START_MS } from './envelopes.ts';

export const storedOf = (envelope: Envelope): StoredEnvelope => ({
  header: envelope.header,
  records: envelope.records,
  positions: [...positionsOf(envelope.header)],
});

export const laneKeyIn = ({ node, producer, epoch, lane }: LaneKey): LaneKey => ({ node, producer, epoch, lane });

/** The change that ingest would make of one envelope for a lane at this version. */
export function changeOf(envelope: Envelope, expectedVersion = 0, over: Partial<StoreChange> = {}): StoreChange {
  const { header } = envelope;
  const key = laneKeyIn(header);
  const stored: RangeSet = [{ from: 0, to: header.to }];
  return {
    lanes: [{ key, expectedVersion, stored, givenUp: header.givenUp }],
    hashes: [{ key, from: header.from, to: header.to, hash: header.hash }],
    envelopes: [storedOf(envelope)],
    statements: [],
    storedAtMs: START_MS,
    ...over,
  };
}
