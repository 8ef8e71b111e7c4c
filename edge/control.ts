import type { MetricFamily } from '../core/ledger-metrics.ts';
import type { Audit } from '../core/ports.ts';
import {
  type ControlAnswer,
  type ControlRefusal,
  type ControlRequest,
  parseControlRequest,
  refused,
} from './control-requests.ts';
import type { EdgeNode } from './node.ts';
import { nodeMetrics } from './node-metrics.ts';

export interface ControlPorts {
  node: Pick<EdgeNode, 'name' | 'status' | 'deadLetters' | 'rotateKeys' | 'pull'>;
  audit: Audit;
  /** Prometheus' text format. */
  metricsText: (families: readonly MetricFamily[]) => Promise<{ body: string }>;
}

const ACTOR = 'control-socket';
/** Of one page of records, as JSON: a record may be a log line of 64 KB. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024;
/** Requests that change something: a reviewer wants to know of them. */
const AUDITED: readonly ControlRequest['request'][] = [
  'dead-letters-replay',
  'dead-letters-discard',
  'rotate-keys',
  'pull',
];

/**
 * Answers what the operator of a running node asks: one line of JSON in, one document out. Never rejects; what cannot be
 * read, is not there or fails is an answer too.
 */
export function createControl({ node, audit, metricsText }: ControlPorts): (line: string) => Promise<ControlAnswer> {
  const answer = async (request: ControlRequest): Promise<ControlAnswer> => {
    switch (request.request) {
      case 'status':
        return allowed({ node: node.name, ...(await node.status()) });
      case 'metrics':
        return allowed((await metricsText(nodeMetrics(await node.status()))).body);
      case 'dead-letters-list':
        return allowed(await node.deadLetters.list());
      case 'dead-letters-show':
        return show(node, request);
      case 'dead-letters-replay': {
        const { ids } = request;
        const chosen = ids === 'all' ? idsOf(await node.deadLetters.list()) : ids;
        return (await unknownAmong(node, chosen)) ?? allowed({ records: await node.deadLetters.replay(chosen) });
      }
      case 'dead-letters-discard':
        return (
          (await unknownAmong(node, request.ids)) ?? allowed({ records: await node.deadLetters.discard(request.ids) })
        );
      case 'rotate-keys':
        await node.rotateKeys();
        return allowed({});
      case 'pull':
        return pull(node, request);
    }
  };

  return async (line) => {
    const parsed = parseControlRequest(line);
    if (!parsed.ok) return parsed;
    const { request } = parsed;
    // The disk may refuse, or the node be stopping: the operator hears it, the node goes on.
    const result = await answer(request).catch((error: Error) => refused('failed', error.message));
    if (AUDITED.includes(request.request)) {
      const event = { actor: ACTOR, action: request.request, target: targetOf(node.name, request) };
      audit.record(
        result.ok ? { ...event, outcome: 'allowed' } : { ...event, outcome: 'refused', reason: result.error },
      );
    }
    return result;
  };
}

const allowed = (value: unknown): ControlAnswer => ({ ok: true, value });

type Asked<Name extends ControlRequest['request']> = Extract<ControlRequest, { request: Name }>;

/** A letter, and a page of its records. */
async function show(
  node: ControlPorts['node'],
  { id, skip, records: most }: Asked<'dead-letters-show'>,
): Promise<ControlAnswer> {
  const found = await node.deadLetters.show(id);
  if (!found) return noSuchLetter([id]);
  if (!found.records) {
    return refused('damaged-letter', `the file of dead letter ${id} is damaged: its records are lost, discard it`);
  }
  const records: unknown[] = [];
  let characters = 0;
  for (const record of found.records.slice(skip, skip + most)) {
    characters += JSON.stringify(record).length;
    if (records.length > 0 && characters > MAX_PAGE_CHARACTERS) break;
    records.push(record);
  }
  return allowed({ letters: found.letters, count: found.records.length, records });
}

async function pull(
  node: ControlPorts['node'],
  { stream, device, fromMs, toMs }: Asked<'pull'>,
): Promise<ControlAnswer> {
  if (fromMs >= toMs) return refused('invalid-request', `fromMs ${fromMs} is not before toMs ${toMs}`);
  const result = await node.pull({ stream, device, fromTs: fromMs, toTs: toMs });
  if (result.ok) return allowed(result);
  const before = result.pulled > 0 ? `; ${result.pulled} records were pulled before, ask again for the rest` : '';
  return refused(refusalOf(result.reason), `${result.detail}${before}`);
}

const refusalOf = (reason: string): ControlRefusal =>
  reason === 'no-such-stream' || reason === 'busy' ? reason : 'failed';

const idsOf = (letters: readonly { id: string }[]): string[] => [...new Set(letters.map(({ id }) => id))];

/** Nothing is done if one of the ids is wrong: the operator meant another. */
async function unknownAmong(
  node: ControlPorts['node'],
  ids: readonly string[],
): Promise<Extract<ControlAnswer, { ok: false }> | undefined> {
  const known = new Set(idsOf(await node.deadLetters.list()));
  const unknown = ids.filter((id) => !known.has(id));
  return unknown.length > 0 ? noSuchLetter(unknown) : undefined;
}

const noSuchLetter = (ids: readonly string[]) =>
  refused('no-such-letter', `no dead letter ${ids.slice(0, 10).join(', ')}: see headwater dead-letters list`);

const MAX_TARGET = 200;

function targetOf(node: string, request: ControlRequest): string {
  if (request.request === 'pull') {
    const { stream, device, fromMs, toMs } = request;
    const times = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
    return `${node} ${stream}${device === undefined ? '' : ` of ${device}`}, ${times}`.slice(0, MAX_TARGET);
  }
  return ('ids' in request ? `${node} ${String(request.ids)}` : node).slice(0, MAX_TARGET);
}
