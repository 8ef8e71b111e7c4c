import { expect, test } from '@jest/globals';
import { noTotals } from '../../core/lane-fates.ts';
import { metricsText } from '../../hub/metrics.ts';
import { hubStatus } from '../helpers/hub-status.ts';

const samples = async () => (await metricsText(hubStatus())).body.split('\n').filter((line) => !/^(#|$)/.test(line));

test('every number of the status is a sample', async () => {
  const start = Date.UTC(2025, 0, 1) / 1_000;
  const b = 'node="node-\\"b\\"\\n<b>"';
  expect((await samples()).sort()).toEqual(
    [
      `headwater_start_time_seconds ${start}`,
      'headwater_node_connected{node="node-a"} 1',
      `headwater_node_connected{${b}} 0`,
      `headwater_node_last_seen_seconds{node="node-a"} ${start + 80}`,
      'headwater_stored_records{node="node-a",priority="critical"} 1',
      'headwater_stored_records{node="node-a",priority="high"} 2',
      'headwater_stored_records{node="node-a",priority="normal"} 3',
      'headwater_stored_records{node="node-a",priority="low"} 4',
      `headwater_stored_records{${b},priority="critical"} 0`,
      `headwater_stored_records{${b},priority="high"} 0`,
      `headwater_stored_records{${b},priority="normal"} 0`,
      `headwater_stored_records{${b},priority="low"} 9`,
      'headwater_given_up_records{node="node-a",priority="critical"} 0',
      'headwater_given_up_records{node="node-a",priority="high"} 20',
      'headwater_given_up_records{node="node-a",priority="normal"} 21',
      'headwater_given_up_records{node="node-a",priority="low"} 22',
      `headwater_given_up_records{${b},priority="critical"} 0`,
      `headwater_given_up_records{${b},priority="high"} 0`,
      `headwater_given_up_records{${b},priority="normal"} 0`,
      `headwater_given_up_records{${b},priority="low"} 23`,
      'headwater_lost_records{node="node-a",priority="critical"} 0',
      'headwater_lost_records{node="node-a",priority="high"} 0',
      'headwater_lost_records{node="node-a",priority="normal"} 24',
      'headwater_lost_records{node="node-a",priority="low"} 0',
      `headwater_lost_records{${b},priority="critical"} 0`,
      `headwater_lost_records{${b},priority="high"} 0`,
      `headwater_lost_records{${b},priority="normal"} 0`,
      `headwater_lost_records{${b},priority="low"} 25`,
      'headwater_envelopes_refused_total{node="node-a",reason="overlap"} 5',
      'headwater_envelopes_refused_total{node="node-a",reason="undecodable"} 6',
      'headwater_received_bytes_total{node="node-a"} 7',
      `headwater_received_bytes_total{${b}} 0`,
      'headwater_envelopes_stored_total{node="node-a"} 8',
      `headwater_envelopes_stored_total{${b}} 0`,
      'headwater_node_held_back_seconds_total{node="node-a"} 1.5',
      `headwater_node_held_back_seconds_total{${b}} 0`,
      'headwater_store_staged_rows 10',
      'headwater_store_files 11',
      'headwater_store_rows 12',
      'headwater_store_file_bytes 13',
      'headwater_poison_messages 14',
      'headwater_poison_dropped_messages 15',
      'headwater_connections_refused_total{reason="foreign-certificate"} 16',
      'headwater_queries_answered_total 17',
      'headwater_queries_refused_total{reason="not-a-select"} 18',
      'headwater_queries_pending 19',
    ].sort(),
  );
});

test('a second scrape starts from the status again, not from the first', async () => {
  expect(await samples()).toEqual(await samples());
});

test('of nodes in this process the fates of everything are samples too', async () => {
  const { body } = await metricsText(hubStatus(), [
    {
      node: 'node-a',
      sources: { bench: { collected: 40, refused: { unparsable: 41 } } },
      streams: [],
      lanes: [{ priority: 'low', enqueued: 42, ...noTotals(), evicted: 43, elsewhere: 0, waiting: 44, inDoubt: 45 }],
      localHeld: 46,
    },
  ]);
  const lines = body.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'headwater_readings_refused_total{node="node-a",source="bench",reason="unparsable"} 41',
      'headwater_records_final{node="node-a",priority="low",fate="evicted"} 43',
      'headwater_records_waiting{node="node-a",priority="low"} 44',
      'headwater_readings_local_on_disk{node="node-a"} 46',
      'headwater_stored_records{node="node-a",priority="critical"} 1',
    ]),
  );
});
