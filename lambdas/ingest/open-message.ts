import type { ByteCodec } from '../../core/byte-codec.ts';
import { countWithinDays, type Envelope, MAX_ENVELOPE_BYTES, MAX_ENVELOPE_DAYS } from '../../core/envelope.ts';
import { decodeEnvelope, isEnvelope, peekIdentity } from '../../core/envelope-codec.ts';
import type { LaneKey } from '../../core/identity.ts';
import { decodeQuestion, type Question, type Refusal } from '../../core/messages.ts';
import type { Range } from '../../core/ranges.ts';
import type { IngestMessage, IngestPorts } from './env.ts';

/** A message whose sender may send it and that could be read, or one to put aside. */
export type OpenedMessage = EnvelopeMessage | QuestionMessage | OtherMessage | AsideMessage;

export interface EnvelopeMessage {
  kind: 'envelope';
  envelope: Envelope;
}
export interface QuestionMessage {
  kind: 'question';
  node: string;
  question: Question;
}
/** Neither about envelopes nor broken: a report, or a kind that only a newer release knows. */
export interface OtherMessage {
  kind: 'other';
  node: string;
  type: string;
}
export interface AsideMessage {
  kind: 'aside';
  reason: Refusal;
  detail: string;
  /** Whose positions it claims, where that can be read: then the refusal can be answered by name. */
  identity: (LaneKey & Range) | undefined;
}

const OPENING_BRACE = 0x7b;

/** Envelopes start with `HW`, questions are JSON objects. */
export function openMessage(
  { client, payload }: IngestMessage,
  { mayCarry, codec }: Pick<IngestPorts, 'mayCarry' | 'codec'>,
): OpenedMessage {
  if (isEnvelope(payload)) return openEnvelope(client, payload, mayCarry, codec);
  if (payload[0] === OPENING_BRACE) return openQuestion(client, payload, mayCarry);
  return aside('undecodable', `neither envelope nor question: ${payload.length} bytes`);
}

function openEnvelope(
  client: string,
  payload: Uint8Array,
  mayCarry: IngestPorts['mayCarry'],
  codec: ByteCodec,
): OpenedMessage {
  const identity = peekIdentity(payload);
  // Who may speak comes first: a stranger learns nothing about what could be decoded.
  if (identity !== undefined && !mayCarry(client, identity.node)) {
    return aside('not-allowed', `client ${client} may not carry node ${identity.node}`, identity);
  }
  const decoded = decodeEnvelope(payload, codec);
  if (!decoded.ok) return aside(decoded.reason, decoded.detail, identity);
  if (countWithinDays(decoded.envelope.records) < decoded.envelope.records.length) {
    return aside('too-large', `records of more than ${MAX_ENVELOPE_DAYS} different days`, identity);
  }
  return { kind: 'envelope', envelope: decoded.envelope };
}

function openQuestion(client: string, payload: Uint8Array, mayCarry: IngestPorts['mayCarry']): OpenedMessage {
  if (!mayCarry(client, client)) return aside('not-allowed', `client ${client} is no node`);
  if (payload.length > MAX_ENVELOPE_BYTES) {
    return aside('too-large', `question of ${payload.length} bytes, allowed ${MAX_ENVELOPE_BYTES}`);
  }
  const decoded = decodeQuestion(payload);
  if (decoded.ok) return { kind: 'question', node: client, question: decoded.value };
  return decoded.unknownKind === undefined
    ? aside('undecodable', decoded.detail)
    : { kind: 'other', node: client, type: decoded.unknownKind };
}

const aside = (reason: Refusal, detail: string, identity?: LaneKey & Range): AsideMessage => ({
  kind: 'aside',
  reason,
  detail,
  identity,
});
