import { describe, expect, test } from '@jest/globals';
import { clientRights, type ListenPlan } from '../../../core/listen/client-rights.ts';
import { createRouter } from '../../../core/listen/router.ts';
import { matchTopic, parseTopicPattern, topicsOverlap } from '../../../core/listen/topic-pattern.ts';
import { listenPlan } from '../../helpers/listen-rig.ts';

const pattern = (text: string) => {
  const parsed = parseTopicPattern(text);
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.pattern;
};

describe('a pattern of topics', () => {
  test.each([
    ['{stream}', '{device} is there 0 times'],
    ['{device}/{device}', '{device} is there 2 times'],
    ['{device}/{stream}/{stream}', '{stream} is there 2 times'],
    ['a/+/{device}', 'level "+"'],
    ['x{device}', 'level "x{device}"'],
    ['$SYS/{device}', 'begin with $'],
    [`${'a/'.repeat(100)}{device}`, '101 levels'],
  ])('%s is refused', (text, detail) => {
    expect(parseTopicPattern(text)).toMatchObject({ ok: false, detail: expect.stringContaining(detail) });
  });

  test('gives what stands at its places', () => {
    const topic = pattern('plant/{stream}/of/{device}');
    expect(matchTopic(topic, 'plant/level/of/pump-1')).toEqual({ device: 'pump-1', stream: 'level' });
    for (const other of ['plant/level/of', 'plant/level/of/pump-1/x', 'Plant/level/of/pump-1', '']) {
      expect(matchTopic(topic, other)).toBeUndefined();
    }
    expect(matchTopic(pattern('/{device}'), '/p')).toEqual({ device: 'p', stream: undefined });
  });

  test('overlaps another unless they differ in a word or in length', () => {
    const overlap = (one: string, other: string) => topicsOverlap(pattern(one), pattern(other));
    expect(overlap('{device}/{stream}', '{stream}/{device}')).toBe(true);
    expect(overlap('a/{device}', '{device}/{stream}')).toBe(true);
    expect(overlap('a/{device}', 'b/{device}')).toBe(false);
    expect(overlap('{device}', '{device}/{stream}')).toBe(false);
  });
});

describe('who may publish what', () => {
  const plans: ListenPlan[] = [
    listenPlan({ level: {} }, { gateways: { gw: ['pump-*', 'pump-001'] } }, { name: 'pump', count: 3 }),
    listenPlan({ level: {} }, { topic: 'fans/{device}/{stream}', gateways: { gw: ['fan'] } }, { name: 'fan' }),
  ];
  const rights = clientRights(plans);
  const route = createRouter(plans, rights);
  const routed = (client: string, topic: string) => {
    const to = route(client, topic);
    return to.ok ? `${to.plan.name}: ${to.device} ${to.stream}` : `${to.source}: ${to.reason}`;
  };

  test('devices and gateways may connect, nobody else', () => {
    expect([...rights.clients].sort()).toEqual(['fan', 'gw', 'pump-001', 'pump-002', 'pump-003']);
  });

  test.each([
    ['pump-001', 'pump-001/level', 'pump: pump-001 level'],
    ['pump-001', 'pump-001/anything', 'pump: pump-001 anything'],
    ['pump-001', 'pump-002/level', 'pump: not-its-own'],
    ['pump-001', 'nobody/level', 'pump: not-its-own'],
    ['pump-001', 'fans/fan/level', 'pump: not-its-own'],
    ['pump-001', 'level', 'pump: unknown-topic'],
    ['fan', 'fans/fan/level', 'fan: fan level'],
    ['fan', 'fan/level', 'fan: unknown-topic'],
    ['gw', 'pump-003/level', 'pump: pump-003 level'],
    ['gw', 'fans/fan/level', 'fan: fan level'],
    ['gw', 'pump-999/level', 'pump: unknown-device'],
    ['gw', 'gw/level', 'pump: not-its-own'],
    ['gw', '$SYS/x/new/clients', 'pump: unknown-topic'],
    ['pump-001', '__proto__/level', 'pump: not-its-own'],
  ])('%s on %s → %s', (client, topic, expected) => expect(routed(client, topic)).toBe(expected));
});
