import type { Lane } from './priority.ts';

/** 64 random bits as 16 lower-case hex digits, drawn each time a producer opens its journal for writing. */
export type Epoch = string;
export const EPOCH_PATTERN = /^[0-9a-f]{16}$/;
/** Producers are parts of a node, named by us: characters that mean nothing in JSON, SQL, a topic or a path. */
export const PRODUCER_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** A 64-bit hash as 16 lower-case hex digits. */
export type Hash64 = string;

/** One producer's lane in one epoch: positions in it are unique for ever (docs/adr/0001-identity.md). */
export interface LaneKey {
  node: string;
  producer: string;
  epoch: Epoch;
  lane: Lane;
}

/** The lane key within one node, as node and far side name it on the wire. */
export type NodeLaneKey = Omit<LaneKey, 'node'>;

export const laneKeyText = (key: LaneKey): string => `${key.node}/${nodeLaneKeyText(key)}`;
export const nodeLaneKeyText = (key: NodeLaneKey): string => `${key.producer}/${key.epoch}/${key.lane}`;

export const epochOf = (bits: bigint): Epoch => bits.toString(16).padStart(16, '0');

/** In plain mode a node is one process and has one producer. */
export const PRODUCER = 'sense';
