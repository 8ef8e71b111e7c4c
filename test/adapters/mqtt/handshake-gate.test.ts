import { expect, test } from '@jest/globals';
import { createHandshakeGate, MAX_HANDSHAKES_PER_ADDRESS } from '../../../adapters/mqtt/handshake-gate.ts';

test('one address takes up its own room only, and gets it back', () => {
  const gate = createHandshakeGate(2);
  for (let at = 0; at < MAX_HANDSHAKES_PER_ADDRESS; at++) expect(gate.begin('10.0.0.1', `a ${at}`).ok).toBe(true);
  expect(gate.begin('10.0.0.1', 'a more')).toEqual({ ok: false, allowed: MAX_HANDSHAKES_PER_ADDRESS });
  expect(gate.begin('10.0.0.2', 'b').ok).toBe(true);
  gate.finish('a 3');
  gate.finish('a 3');
  expect(gate.begin('10.0.0.1', 'a more').ok).toBe(true);
  expect(gate.begin('10.0.0.1', 'a one too many').ok).toBe(false);
});

test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('%s: all nodes of a large fleet may dial at once', (address) => {
  const gate = createHandshakeGate(500);
  for (let at = 0; at < 500; at++) expect(gate.begin(address, `${at}`).ok).toBe(true);
});
