import type { HubStatus } from '../../hub/status.ts';
import { START_MS } from './envelopes.ts';

/** A status in which every number differs, so that no two can be mixed up unseen. */
export const hubStatus = (): HubStatus => ({
  hub: 'hall-1',
  farSide: 'far-1',
  startedAtMs: START_MS,
  nowMs: START_MS + 90_000,
  address: { mqtt: '127.0.0.1:8883', http: 'http://127.0.0.1:8080' },
  nodes: [
    {
      name: 'node-a',
      connected: true,
      lastSeenMs: START_MS + 80_000,
      stored: { critical: 1, high: 2, normal: 3, low: 4 },
      givenUp: { critical: 0, high: 20, normal: 21, low: 22 },
      lost: { critical: 0, high: 0, normal: 24, low: 0 },
      refused: { overlap: 5, undecodable: 6 },
      bytesIn: 7,
      envelopes: 8,
      heldBackMs: 1_500,
    },
    {
      name: 'node-"b"\n<b>',
      connected: false,
      stored: { critical: 0, high: 0, normal: 0, low: 9 },
      givenUp: { critical: 0, high: 0, normal: 0, low: 23 },
      lost: { critical: 0, high: 0, normal: 0, low: 25 },
      refused: {},
      bytesIn: 0,
      envelopes: 0,
      heldBackMs: 0,
    },
  ],
  store: { staged: 10, files: 11, rows: 12, bytes: 13, poison: 14, poisonDropped: 15 },
  refusedConnections: { 'foreign-certificate': 16 },
  queries: { answered: 17, refused: { 'not-a-select': 18 }, pending: 19 },
});
