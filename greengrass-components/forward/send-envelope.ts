import { trafficClassOf } from '../../core/flow.ts';
import { noteTooLarge } from '../../core/forward/dead-letters.ts';
import { timeoutMs } from '../../core/forward/plan.ts';
import { noteEnvelope, type PlannedSend } from '../../core/forward/sends.ts';
import { type ForwardSettings, partWithin, readBytes } from '../../core/forward/settings.ts';
import {
  type Flight,
  type ForwardState,
  groundFlights,
  type LaneState,
  noteMissing,
  noteSent,
} from '../../core/forward/state.ts';
import type { Epoch } from '../../core/identity.ts';
import { priorityOf } from '../../core/priority.ts';
import { countOf, covers } from '../../core/ranges.ts';
import type { ForwarderPorts, ForwardStatus } from './forwarder.ts';
import type { Lent } from './lent.ts';
import { type PackedEnvelope, packEnvelope } from './pack-envelope.ts';

export interface EnvelopeSenderPorts
  extends Pick<ForwarderPorts, 'journal' | 'uplink' | 'clock' | 'random' | 'codec' | 'seriesName'> {
  lent: Lent;
  /** There is something to plan anew. */
  wake: () => void;
}

export interface EnvelopeSender {
  /**
   * Reads what was planned and sends the first envelope of it; the rest is planned anew. What can never be sent is noted
   * in the state. Rejects if the journal cannot be read now.
   */
  send(planned: PlannedSend, settings: ForwardSettings): Promise<void>;
  readonly figures: Readonly<Pick<ForwardStatus, 'envelopesSent' | 'bytesSent' | 'jsonBytes'>>;
}

/** @param epoch of this opening: only its records were stamped by this process */
export function createEnvelopeSender(
  { journal, uplink, clock, random, codec, seriesName, lent, wake }: EnvelopeSenderPorts,
  { config, epoch, state }: { config: { node: string; site: string }; epoch: Epoch; state: ForwardState },
): EnvelopeSender {
  const figures = { envelopesSent: 0, bytesSent: 0, jsonBytes: 0 };

  const send = async ({ lane, from, to }: PlannedSend, settings: ForwardSettings): Promise<void> => {
    const waitMs = timeoutMs(lane, { from, to }, random.fraction(), settings);
    const read = await journal.read({
      epoch: lane.epoch,
      lane: lane.lane,
      from,
      to,
      maxRecords: settings.limits.maxRecords,
      maxBytes: readBytes(settings.limits),
      leaseMs: waitMs,
    });
    lent.took(lane, { from, to: read.to });
    if (countOf(read.missing) > 0) noteMissing(lane, read.missing);
    const own = lane.epoch === epoch && clock.state() === 'synced';
    const clockOffsetMs = own ? clock.wallMs() - clock.monotonicMs() : undefined;
    const origin = { node: config.node, site: config.site, epoch: lane.epoch, lane: lane.lane, clockOffsetMs };
    const coding = { codec, compression: settings.priorities[priorityOf(lane.lane)].compression };
    const { envelope: packed, unnamed, tooLarge } = packEnvelope(read, origin, seriesName, coding);
    if (unnamed.length > 0) noteMissing(lane, unnamed);
    noteTooLarge(lane, tooLarge);
    const smaller = packed && partWithin(packed.range, packed.payload.length, settings.limits);
    if (smaller) {
      wake(); // for the rest
      return send({ lane, ...smaller }, settings);
    }
    // While the disk was read an answer may have come: what is not to be sent any more is not sent.
    const sent = packed !== undefined && covers(lane.toSend, packed.range) && state.link;
    if (sent) launch(lane, packed, waitMs);
    // The rest is planned anew: an envelope ends at its bounds, at a hole, and where the journal stopped reading.
    const isPart = packed ? !sent || packed.range.to < to : read.to < to || countOf(read.missing) > 0;
    if (isPart || unnamed.length > 0 || tooLarge.length > 0) wake();
  };

  const launch = (lane: LaneState, packed: PackedEnvelope, waitMs: number): void => {
    const sentAt = clock.monotonicMs();
    const flight: Flight = {
      ...packed.range,
      sentAt,
      timeoutAt: sentAt + waitMs,
      bytes: packed.payload.length,
      commits: lane.epoch === epoch ? packed.commits : [],
    };
    noteSent(lane, flight);
    noteEnvelope(state, lane, flight, flight.bytes, sentAt);
    figures.envelopesSent++;
    figures.bytesSent += packed.payload.length;
    figures.jsonBytes += packed.jsonBytes;
    uplink.send(trafficClassOf(lane.lane), packed.payload).catch(() => {
      groundFlights(
        lane,
        lane.flights.filter((candidate) => candidate === flight),
      );
      wake();
    });
  };

  return { send, figures };
}
