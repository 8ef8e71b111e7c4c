import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AnswerItem, decodeAnswer, encodeAnswers, MAX_ANSWER_BYTES } from '../../core/messages.ts';
import {
  decodePullReport,
  decodePullRequest,
  encodePullReport,
  encodePullRequest,
  isRequest,
  type PullReport,
  type PullRequestMessage,
} from '../../core/pull-messages.ts';

const id = '0123-abcd';
const name = fc.string({ minLength: 1, maxLength: 200, unit: 'binary' });
const plain = { noNullPrototype: true };
const request: fc.Arbitrary<PullRequestMessage> = fc.record(
  {
    type: fc.constant('pull' as const),
    id: fc.constant(id),
    stream: name,
    device: name,
    fromMs: fc.nat(),
    toMs: fc.nat(),
  },
  plain,
);

test('requests come back as they were, are told from answers, and fit what a node takes', () => {
  fc.assert(
    fc.property(request, (value) => {
      const bytes = encodePullRequest(value);
      expect(bytes.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
      expect(isRequest(bytes)).toBe(true);
      expect(decodePullRequest(bytes)).toEqual({ ok: true, value });
      expect(decodeAnswer(bytes).ok).toBe(false);
    }),
  );
  const item: AnswerItem = {
    type: 'stored',
    producer: 'edge',
    epoch: 'a'.repeat(16),
    lane: 0,
    ranges: [{ from: 0, to: 1 }],
  };
  expect(encodeAnswers('far-1', [item]).map(isRequest)).toEqual([false]);
  expect(isRequest(Buffer.from('{'))).toBe(false);
});

test('reports come back as they were', () => {
  const counts = { pulled: 1, pulledBefore: 2, unreadable: 3, agedOut: 4, stillLocal: 5 };
  const states: PullReport['state'][] = [
    { is: 'running' },
    { is: 'done', ...counts },
    { is: 'refused', reason: 'no-such-stream', detail: 'never had it', pulled: 0 },
  ];
  for (const state of states) {
    const value: PullReport = { type: 'pull-report', id, state };
    expect(decodePullReport(encodePullReport(value))).toEqual({ ok: true, value });
  }
});

test('a newer kind is named; a newer field is passed over; what is broken is neither', () => {
  expect(decodePullRequest(Buffer.from('{"type":"push"}'))).toMatchObject({ ok: false, unknownKind: 'push' });
  const value: PullRequestMessage = { type: 'pull', id, stream: 's', fromMs: 0, toMs: 1 };
  expect(decodePullRequest(Buffer.from(JSON.stringify({ ...value, limit: 3 })))).toEqual({ ok: true, value });
  for (const broken of ['{"type":"pull"', '{"type":"pull"}', '{}']) {
    const decoded = decodePullRequest(Buffer.from(broken));
    expect(decoded).toEqual({ ok: false, detail: expect.any(String) });
  }
});
