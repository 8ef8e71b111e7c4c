import type { ByteCodec } from '../../core/byte-codec.ts';
import type { Meter } from '../../core/forward/budget.ts';
import type { ForwardSettings } from '../../core/forward/settings.ts';
import type { ForwardState } from '../../core/forward/state.ts';
import type { Outcome } from '../../core/lane-fates.ts';
import type { LatencySketch } from '../../core/latency-sketch.ts';
import type { LaneCounts } from '../../core/ledger.ts';
import type { Clock, Logger, Random, Uplink } from '../../core/ports.ts';
import type { Lane } from '../../core/priority.ts';
import type { PullRequestMessage } from '../../core/pull-messages.ts';
import type { Journal } from '../../journal/journal-port.ts';
import type { NameOfSeries } from './pack-envelope.ts';

export interface ForwarderPorts {
  journal: Journal;
  uplink: Uplink;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Compresses what envelopes carry. */
  codec: ByteCodec;
  /** Device and stream of a series number of the journal. */
  seriesName: NameOfSeries;
  /** Serves pulls that the far side asks for. @default nobody does */
  onPull?: (request: PullRequestMessage) => void;
}

export interface ForwarderConfig extends ForwardSettings {
  node: string;
  site: string;
}

export interface ForwardStatus {
  connected: boolean;
  far: ForwardState['far'];
  farSide: string | undefined;
  /** Name of the uplink in use. */
  uplink: string;
  lanes: LaneCounts[];
  envelopesSent: number;
  bytesSent: number;
  /** The records of the envelopes sent, as JSON. */
  jsonBytes: number;
  refusals: ForwardState['refusals'];
  /** Bytes sent and received today and this month (UTC), with what carries them. */
  meter: Meter;
  /** Why records other than critical wait although the far side is there. */
  closed: 'budget' | 'window' | undefined;
  latency: LatencySketch;
}

export interface Forwarder {
  start(): void;
  /** Records were committed up to `end`; they leave within `maxDelayMs`. */
  enqueued(lane: Lane, end: number, maxDelayMs: number): void;
  /** The journal gave these up to make room, and has noted it. */
  evicted(outcomes: readonly Outcome[]): void;
  /** Dead letters that the journal has brought back, or whose records it has discarded; it has noted it. */
  disinterred(outcomes: readonly Outcome[]): void;
  /** All records of earlier openings turned out to be so many ms older. */
  aged(byMs: number): void;
  /** Sends by these settings from now on; whatever waits or flies goes on. */
  configure(settings: ForwardSettings): void;
  /** Sends something beside records and questions, metered as they are. Rejects without a link. */
  say(message: Uint8Array): Promise<void>;
  /** Everything that waits may leave now. */
  releaseAll(): void;
  /** Resolves when nothing waits any more, or after so many ms. */
  drain(withinMs: number): Promise<void>;
  status(): ForwardStatus;
  /** For checks only: the state itself. */
  readonly state: ForwardState;
  stop(): Promise<void>;
}
