import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_NOTICE_BYTES, noticesOf } from '../../../lambdas/ingest/critical-notices.ts';
import { anyEnvelope, envelopeOf, recordAt } from '../../helpers/envelopes.ts';

const idsOf = (notices: ReturnType<typeof noticesOf>): string[] =>
  notices.flatMap(({ body }) => (JSON.parse(body) as { records: { id: string }[] }).records.map(({ id }) => id));

test('splits what does not fit, and loses nothing', () => {
  const records = Array.from({ length: 3_000 }, (_, at) => recordAt(at, { value: '"€'.repeat(80) }));
  const notices = noticesOf('demo', 'node-a', [envelopeOf(0, 3_000, { records })]);
  expect(notices.length).toBeGreaterThan(3);
  for (const { body } of notices) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_NOTICE_BYTES);
  expect(Buffer.byteLength(notices[0]!.body)).toBeGreaterThan(MAX_NOTICE_BYTES - 1_000);
  expect(idsOf(notices)).toEqual(records.map((_, at) => `node-a/edge/aaaaaaaaaaaaaaaa/2/${at}`));
});

test('an event is told as it is, of a window only how many samples it has', () => {
  const values = [{ json: '{"severity":4,"what":"door"}' }, new Array<number>(8_192).fill(0.1), 'E7 stop', 3];
  const records = values.map((value, at) => recordAt(at, { value }));
  const [notice] = noticesOf('demo', 'node-a', [envelopeOf(0, 4, { records })]);
  const told = (JSON.parse(notice!.body) as { records: { value: unknown }[] }).records.map(({ value }) => value);
  expect(told).toEqual([{ severity: 4, what: 'door' }, { samples: 8_192 }, 'E7 stop', 3]);
});

test('given-up positions have no record', () => {
  const envelope = envelopeOf(0, 4, { givenUp: [{ from: 1, to: 3 }] });
  expect(idsOf(noticesOf('demo', 'node-a', [envelope])).map((id) => id.split('/').at(-1))).toEqual(['0', '3']);
  expect(noticesOf('demo', 'node-a', [envelopeOf(0, 4, { givenUp: [{ from: 0, to: 4 }] })])).toEqual([]);
});

test('any envelope can be told, with a subject that SNS takes', () => {
  fc.assert(
    fc.property(anyEnvelope(), (envelope) => {
      const notices = noticesOf('demo', envelope.header.node, [envelope]);
      expect(new Set(idsOf(notices)).size).toBe(envelope.records.length);
      for (const { subject } of notices) expect(subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/);
    }),
  );
});
