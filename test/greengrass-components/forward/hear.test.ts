import { expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { encodePullRequest, type PullRequestMessage } from '../../../core/pull-messages.ts';
import { createHearing } from '../../../greengrass-components/forward/hear.ts';

const PULL: PullRequestMessage = { type: 'pull', id: '01234567', stream: 's', fromMs: 0, toMs: 1 };

function hearing() {
  const logger = createMemoryLogger();
  const pulls: PullRequestMessage[] = [];
  const hear = createHearing(logger, (request) => pulls.push(request));
  return { logger, pulls, hear: (json: unknown) => hear(Buffer.from(JSON.stringify(json))) };
}

test('answers are given back, requests handed on', () => {
  const { hear, pulls, logger } = hearing();
  expect(hear({ farSide: 'far-1', items: [] })).toEqual({ farSide: 'far-1', items: [] });
  expect(createHearing(logger, (request) => pulls.push(request))(encodePullRequest(PULL))).toBeUndefined();
  expect(pulls).toEqual([PULL]);
  expect(logger.lines).toEqual([]);
});

test('kinds of a newer far side are passed over with one line each, so many at most', () => {
  const { hear, logger } = hearing();
  for (let time = 0; time < 3; time++) {
    expect(hear({ type: 'push' })).toBeUndefined();
    expect(hear({ farSide: 'far-1', items: [{ type: 'praised' }] })).toEqual({ farSide: 'far-1', items: [] });
  }
  expect(logger.lines.map(({ level, fields }) => [level, fields])).toEqual([
    ['info', { kind: 'push' }],
    ['info', { kind: 'praised' }],
  ]);
  for (let kind = 0; kind < 100; kind++) hear({ type: `kind-${kind}` });
  expect(logger.lines).toHaveLength(20);
});

test('what is broken is told of', () => {
  const { hear, logger } = hearing();
  hear({ type: 'pull' });
  hear({ items: [] });
  expect(logger.lines.map(({ level }) => level)).toEqual(['warn', 'warn']);
});
