import type { ByteCodec } from '../../core/byte-codec.ts';
import type { CountStatement, Refusal } from '../../core/messages.ts';
import type { Audit, Logger, RecordStore } from '../../core/ports.ts';
import type { Lane } from '../../core/priority.ts';

/** What ingest needs of the world. */
export interface IngestPorts {
  store: RecordStore;
  /** Expands what envelopes carry compressed. */
  codec: ByteCodec;
  nowMs: () => number;
  logger: Logger;
  audit: Audit;
  /**
   * Whether this client may carry envelopes of this node. Questions carry no node's name: a client asks
   * and states for itself only, and `mayCarry(client, client)` must hold.
   */
  mayCarry: (client: string, node: string) => boolean;
  /** Told of each message once its fate is settled; for counters. */
  observe?: (event: IngestEvent) => void;
  /** Told of each count statement once it is taken down. */
  stated?: (node: string, statement: CountStatement) => void;
  /**
   * Offered what is neither envelope nor question; false = not known here either, then it is passed over with a line in
   * the log. @default none is known
   */
  other?: (message: IngestMessage) => boolean;
}

/** A message as it came: the client's name is proven by its certificate, the payload is not trusted. */
export interface IngestMessage {
  client: string;
  payload: Uint8Array;
}

export interface IngestResult {
  /** To publish, each to its client, only now: everything in them is stored. Each speaks of one node. */
  answers: { client: string; payload: Uint8Array }[];
  /** Indexes of messages that the store could not take now: they are to be delivered again. */
  failed: number[];
  /** Indexes of messages that were put aside: they can never be taken. @default none */
  putAside?: number[];
  /** What became of each message, in their order. @default not said */
  outcomes?: IngestOutcome[];
}

/**
 * `failed`: not now, to be delivered again; `status` and `counted`: a question, a count statement; `other`: nothing
 * about envelopes.
 */
export type IngestOutcome = 'stored' | 'known' | 'status' | 'counted' | 'other' | 'failed' | Refusal;

/** What became of one message. */
export interface IngestEvent {
  client: string;
  /** As the message says; undefined if it cannot be read. */
  node: string | undefined;
  /** Undefined for questions and for what cannot be read. */
  lane: Lane | undefined;
  outcome: IngestOutcome;
  /** Records of the envelope, stored or not; 0 for anything else. */
  records: number;
  bytes: number;
}

/** `createIngest(ports)` in handler.ts gives this. Never rejects. */
export type Ingest = (messages: readonly IngestMessage[]) => Promise<IngestResult>;
