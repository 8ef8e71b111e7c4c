import { expect, test } from '@jest/globals';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createMemoryAudit, createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { BROKER_REFUSALS } from '../../../adapters/mqtt/admission.ts';
import { createRefusalLedger, REPORT_EVERY_MS } from '../../../adapters/mqtt/refusals.ts';

function createRig() {
  const ports = { logger: createMemoryLogger(), audit: createMemoryAudit(), clock: createManualClock() };
  return { ...ports, ledger: createRefusalLedger(ports, BROKER_REFUSALS, 'hub') };
}

test('all are counted; of a kind and client one a minute is told, with how many were left out', () => {
  const { ledger, logger, audit, clock } = createRig();
  for (let count = 0; count < 500; count++) ledger.note('wrong-client-id', 'n-1', 'client id "x"');
  ledger.note('wrong-client-id', 'n-2', 'client id "x"');
  ledger.note('unknown-node', 'n-1', 'not in the fleet');
  expect(logger.lines).toHaveLength(3);
  clock.advance(REPORT_EVERY_MS);
  ledger.note('wrong-client-id', 'n-1', 'client id "x"');
  expect(logger.lines.at(-1)?.fields).toMatchObject({ reason: 'wrong-client-id', client: 'n-1', untold: 499 });
  expect(audit.events.at(-1)).toEqual({
    actor: 'n-1',
    action: 'mqtt',
    target: 'hub',
    outcome: 'refused',
    reason: 'wrong-client-id (and 499 more since the last report)',
  });
  expect(audit.events).toHaveLength(4);
  expect(ledger.counts()).toMatchObject({ 'wrong-client-id': 502, 'unknown-node': 1, 'tls-failed': 0 });
});

test('an attacker with many addresses fills neither the log nor memory', () => {
  const { ledger, logger, audit } = createRig();
  for (let count = 0; count < 20_000; count++) ledger.note('no-certificate', `2001:db8::${count}`, 'none');
  expect(ledger.counts()['no-certificate']).toBe(20_000);
  expect(logger.lines.length).toBeLessThanOrEqual(1_001);
  expect(audit.events.length).toBe(logger.lines.length);
});
