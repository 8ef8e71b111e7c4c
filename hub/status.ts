import type { Refusal } from '../core/messages.ts';
import type { Priority } from '../core/priority.ts';

/** What a hub tells about itself: the status page, `/status` and `/metrics` show exactly this. Times in ms since 1970. */
export interface HubStatus {
  hub: string;
  /** Id of the store: another id is another far side. */
  farSide: string;
  startedAtMs: number;
  nowMs: number;
  /** `mqtt` as host:port, `http` as URL. */
  address: { mqtt: string; http: string };
  nodes: NodeStatus[];
  store: StoreStatus;
  /** Connections that the broker did not let in, by reason. */
  refusedConnections: Record<string, number>;
  queries: QueryStatus;
}

export interface NodeStatus {
  name: string;
  connected: boolean;
  /** Absent = not heard of since the hub's start. */
  lastSeenMs?: number;
  /** Records in the store, by priority. */
  stored: Record<Priority, number>;
  /** Records that the node told to have given up, by priority. */
  givenUp: Record<Priority, number>;
  /**
   * Records without a fate, by priority: the node counted them once, names them no more, and they are not stored here. It
   * has lost its journal.
   */
  lost: Record<Priority, number>;
  /** Envelopes refused since the hub's start, by reason. */
  refused: Partial<Record<Refusal, number>>;
  /** Payload bytes received since the hub's start. */
  bytesIn: number;
  /** Envelopes stored since the hub's start. */
  envelopes: number;
  /** For so many ms since the hub's start nothing was read from it, because it had sent more than its rate. */
  heldBackMs: number;
}

export interface StoreStatus {
  /** Rows that wait for the next seal. */
  staged: number;
  files: number;
  /** Staged and sealed. */
  rows: number;
  /** Of the sealed files. */
  bytes: number;
  /** Messages put aside, and those that the bounds pushed out. */
  poison: number;
  poisonDropped: number;
}

export interface QueryStatus {
  answered: number;
  /** By reason. */
  refused: Record<string, number>;
  /** Running or waiting now. */
  pending: number;
}
