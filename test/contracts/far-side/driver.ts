import { expect } from '@jest/globals';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { type AnswerItem, decodeAnswer, encodeQuestion, MAX_ANSWER_BYTES } from '../../../core/messages.ts';
import type { Lane } from '../../../core/priority.ts';
import type { Range } from '../../../core/ranges.ts';
import type { ClockState, Quality } from '../../../core/reading.ts';
import { type EnvelopeSketch, EPOCH_A, envelopeOf } from '../../helpers/envelopes.ts';

/** A row as every store of record has it; booleans are 1 and 0. */
export interface FarSideRow {
  site: string;
  node: string;
  producer: string;
  epoch: string;
  lane: Lane;
  position: number;
  device: string;
  stream: string;
  ts: number;
  value: number | null;
  text: string | null;
  quality: Quality;
  clock: ClockState;
}

/** A whole far side, from the message that comes in to the store, as the contract drives it. */
export interface FarSideUnderTest {
  /** Hands over messages as one batch; `answers` are what went to this client, `failed` what is to come again. */
  deliver(client: string, payloads: readonly Uint8Array[]): Promise<{ answers: Uint8Array[]; failed: number }>;
  rows(): Promise<readonly FarSideRow[]>;
  /** Positions in the index, over all lanes. */
  indexed(): Promise<{ stored: number; givenUp: number }>;
  poison(): Promise<readonly { client: string; reason: string; payload: Uint8Array }[]>;
  /** A restart: only what is durable is left. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Which client may carry which node in the contract; the far side under test is made with it. */
export const contractMayCarry = (client: string, node: string): boolean =>
  (client === node && ['node-a', 'node-b'].includes(node)) || (client === 'hub-1' && node === 'node-b');

/** How the cases drive the far side that the current test was given. */
export interface Driver {
  far: () => FarSideUnderTest;
  /** Delivers as one batch and gives the answers, each of which must be small and well-formed. */
  take: (client: string, ...payloads: Uint8Array[]) => Promise<AnswerItem[]>;
  /** One envelope of node-a. */
  send: (from: number, to: number, sketch?: EnvelopeSketch) => Promise<AnswerItem[]>;
  storedPositions: () => Promise<number[]>;
}

export function createDriver(far: () => FarSideUnderTest): Driver {
  const take: Driver['take'] = async (client, ...payloads) => {
    const { answers, failed } = await far().deliver(client, payloads);
    expect(failed).toBe(0);
    return answers.flatMap((answer) => {
      expect(answer.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
      const decoded = decodeAnswer(answer);
      if (!decoded.ok) throw new Error(`answer: ${decoded.detail}`);
      return decoded.value.items;
    });
  };
  return {
    far,
    take,
    send: (from, to, sketch) => take('node-a', encoded(from, to, sketch)),
    storedPositions: async () => (await far().rows()).map((row) => row.position).sort(byNumber),
  };
}

export const lane = { producer: 'edge', epoch: EPOCH_A, lane: 2 as const };
export type Pair = [from: number, to: number];

export const encoded = (from: number, to: number, sketch?: EnvelopeSketch): Uint8Array =>
  encodeEnvelope(envelopeOf(from, to, sketch));
export const pairs = (...all: Pair[]): Range[] => all.map(([from, to]) => ({ from, to }));
export const ack = (...all: Pair[]) => ({ ...lane, type: 'stored', ranges: pairs(...all) });
export const refused = ([from, to]: Pair, reason: string) => ({ ...lane, type: 'refused', from, to, reason });
export const status = (ranges: Pair[]): Uint8Array =>
  encodeQuestion({ type: 'status', lanes: [{ ...lane, ranges: pairs(...ranges) }] });
export const counts = (upTo: number, delivered: number, givenUp: Pair[]): Uint8Array =>
  encodeQuestion({ type: 'counts', lanes: [{ ...lane, upTo, delivered, givenUp: pairs(...givenUp) }] });
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
export const byNumber = (a: number | null, b: number | null): number => Number(a) - Number(b);

export function farSideOf(answer: Uint8Array): string {
  const decoded = decodeAnswer(answer);
  return decoded.ok ? decoded.value.farSide : `undecodable: ${decoded.detail}`;
}
