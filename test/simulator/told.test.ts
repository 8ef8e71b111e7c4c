import { expect, test } from '@jest/globals';
import { type AnswerItem, encodeAnswers } from '../../core/messages.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import { createFarLedger } from '../../simulator/far-ledger.ts';
import { createTold } from '../../simulator/told.ts';

const EPOCH = 'aaaaaaaaaaaaaaaa';
const lane = { producer: 'sense', epoch: EPOCH, lane: 2 } as const;
const rowAt = (position: number) => ({ node: 'node-1', ...lane, position }) as StoredRow;
const stored: AnswerItem = { type: 'stored', ...lane, ranges: [{ from: 0, to: 2 }] };

function rig() {
  const ledger = createFarLedger();
  const told = createTold(ledger);
  const say = (item: AnswerItem) => told.note('node-1', encodeAnswers('far-1', [item])[0]!)?.invariant;
  return { ledger, told, say };
}

test('calling stored what no query sees is noticed', () => {
  const { ledger, say } = rig();
  ledger.noteAppeared([rowAt(0)]);
  expect(say(stored)).toBe('acknowledged means visible');
  ledger.noteAppeared([rowAt(1)]);
  expect(say(stored)).toBeUndefined();
});

test('rows that vanish after they were acknowledged are noticed, others may', () => {
  const { ledger, told, say } = rig();
  ledger.noteAppeared([0, 1, 2].map(rowAt));
  say(stored);
  expect(told.noteVanished([rowAt(2)])).toBeUndefined();
  expect(told.noteVanished([rowAt(1)])?.invariant).toBe('what was acknowledged stays visible');
});

test('what the far side said not to have is kept in mind', () => {
  const { ledger, told, say } = rig();
  ledger.noteAppeared([rowAt(1)]);
  say({ type: 'status', ...lane, asked: [{ from: 0, to: 3 }], known: [{ from: 1, to: 2 }] });
  expect(told.deniedIn('node-1', EPOCH, 2)).toEqual([
    { from: 0, to: 1 },
    { from: 2, to: 3 },
  ]);
});

test('an overlap that is refused again and again is noticed', () => {
  const { ledger, say } = rig();
  ledger.noteAppeared([rowAt(0)]);
  const refused: AnswerItem = {
    type: 'refused',
    ...lane,
    from: 0,
    to: 2,
    reason: 'overlap',
    known: [{ from: 0, to: 1 }],
  };
  const said = Array.from({ length: 40 }, () => say(refused));
  expect(said[0]).toBeUndefined();
  expect(said.at(-1)).toBe('an overlap is sent again without what is known');
});
