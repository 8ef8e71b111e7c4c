import { describe, expect, test } from '@jest/globals';
import { isEnvelope } from '../../../core/envelope-codec.ts';
import { givenUpCount } from '../../../core/ledger.ts';
import { decodeQuestion, encodeQuestion } from '../../../core/messages.ts';
import {
  LANES,
  type Lane,
  MAX_PROBE_INTERVAL_MS,
  PRIORITY_CONTRACT,
  type Priorities,
  type PriorityTerms,
  priorityOf,
} from '../../../core/priority.ts';
import { countOf } from '../../../core/ranges.ts';
import { createForwardRig } from '../../helpers/forward-rig.ts';

/** The contract, kept to the day: the real planner and forwarder, the real ingest, and a month in a second. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Records enqueued within so long of each other may share the later one's age. */
const MARK_MS = 15 * MINUTE;

type Rig = Awaited<ReturnType<typeof createForwardRig>>;

const ttlOf = (lane: Lane): number => {
  const { ttlMs } = PRIORITY_CONTRACT[priorityOf(lane)];
  return ttlMs === 'never' ? Number.POSITIVE_INFINITY : ttlMs;
};

/** One record of each class at every step. Returns when each position of a lane was enqueued. */
async function fill(rig: Rig, untilMs: number, everyMs: number): Promise<number[]> {
  const born: number[] = [];
  for (let at = rig.now(); at < untilMs; at += everyMs) {
    await rig.runUntil(at);
    for (const lane of LANES) rig.enqueue(lane);
    born.push(at);
  }
  await rig.runUntil(untilMs);
  return born;
}

const expiries = (rig: Rig, lane: Lane): { position: number; atMs: number }[] =>
  rig.journal.noted.flatMap(({ fate, lane: of, from, to, atMs }) =>
    fate === 'expired' && of === lane
      ? Array.from({ length: to - from }, (_, at) => ({ position: from + at, atMs }))
      : [],
  );

describe('an outage of the link', () => {
  test('of 31 days: each class ends exactly as the contract says, and nothing inside its time to live is lost', async () => {
    const rig = await createForwardRig();
    await rig.setLink(false);
    const back = 31 * DAY;
    const born = await fill(rig, back, 30 * MINUTE);
    await rig.setLink(true);
    await rig.runUntil(back + HOUR);
    for (const [lane, counts] of rig.forwarder().status().lanes.entries()) {
      const expired = born.filter((at) => at + ttlOf(lane as Lane) <= back).length;
      expect([counts.priority, counts]).toMatchObject([
        priorityOf(lane as Lane),
        { enqueued: born.length, expired, delivered: born.length - expired, waiting: 0, inDoubt: 0, deadLettered: {} },
      ]);
      for (const { position, atMs } of expiries(rig, lane as Lane))
        expect(atMs - born[position]!).toBe(ttlOf(lane as Lane));
      const index = rig.store.lanes().find(({ key }) => key.lane === lane)!.index;
      expect([countOf(index.stored), countOf(index.givenUp)]).toEqual([born.length - expired, expired]);
    }
  });

  test('with a record every ten seconds: none expires before its time, and none a quarter of an hour after it', async () => {
    const rig = await createForwardRig();
    await rig.setLink(false);
    const born = await fill(rig, 30 * HOUR, 10_000);
    const ends = expiries(rig, 1).map(({ position, atMs }) => atMs - born[position]!);
    expect(ends.length).toBeGreaterThan(2_000);
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(DAY);
    expect(Math.max(...ends)).toBeLessThan(DAY + MARK_MS);
  });

  test('restarts in between do not make anything younger', async () => {
    const rig = await createForwardRig();
    await rig.setLink(false);
    for (let day = 1; day <= 9; day++) {
      await fill(rig, day * DAY, 6 * HOUR);
      await rig.restart();
    }
    const [critical, high, normal, low] = rig.forwarder().status().lanes;
    expect([critical!.waiting, high!.waiting, normal!.waiting, low!.waiting]).toEqual([36, 4 - 1, 28 - 1, 36]);
    expect(rig.journal.noted.every(({ fate }) => fate === 'expired')).toBe(true);
  });
});

describe('a far side that refuses a class', () => {
  test.each(LANES.map((lane) => ({ lane, priority: priorityOf(lane) })))(
    '$priority: each record is sent as often as the contract says; then it is a dead letter, if it can be one',
    async ({ lane, priority }) => {
      const rig = await createForwardRig();
      rig.setMode({ lane, refusal: 'not-allowed' });
      for (const each of LANES) rig.enqueue(each);
      await rig.runUntil(12 * HOUR);
      const { retries } = PRIORITY_CONTRACT[priority];
      const sends = rig.sent.filter(({ payload }) => isEnvelope(payload)).length - (LANES.length - 1);
      const counts = rig.forwarder().status().lanes;
      if (retries === 'infinite') {
        expect(counts[lane]).toMatchObject({ waiting: 1, deadLettered: {} });
        expect(sends).toBeGreaterThan(12 * 11); // every five minutes
      } else {
        expect(counts[lane]).toMatchObject({ waiting: 0, deadLettered: { 'not-allowed': 1 } });
        expect(sends).toBe(retries + 1);
      }
      for (const other of counts)
        if (other.priority !== priority) expect(other).toMatchObject({ delivered: 1, waiting: 0 });
    },
  );

  test('attempts survive restarts: no more sends than the contract says, in however many lives', async () => {
    const rig = await createForwardRig();
    rig.setMode({ lane: 3, refusal: 'undecodable' });
    rig.enqueue(3);
    for (let at = MINUTE; at <= 40 * MINUTE; at += MINUTE) {
      await rig.runUntil(at);
      if (at % (5 * MINUTE) === 0) await rig.restart();
    }
    // After a restart nobody knows when the last try was: it may come early, but never once too often.
    expect(rig.sent.filter(({ payload }) => isEnvelope(payload))).toHaveLength(4);
    expect(rig.forwarder().status().lanes[3]).toMatchObject({ deadLettered: { undecodable: 1 }, waiting: 0 });
  });

  test('a dead letter that is replayed goes out once more; one that is discarded stays given up', async () => {
    const rig = await createForwardRig();
    rig.setMode({ lane: 3, refusal: 'not-allowed' });
    rig.enqueue(3);
    await rig.runUntil(HOUR);
    rig.enqueue(3);
    await rig.runUntil(2 * HOUR);
    const letters = await rig.journal.deadLetters();
    expect(letters).toMatchObject([
      { lane: 3, from: 0, to: 1, reason: 'not-allowed', attempts: 4 },
      { lane: 3, from: 1, to: 2 },
    ]);
    rig.setMode('up');
    await rig.setLink(false);
    await rig.runUntil(60 * DAY);
    await rig.setLink(true);
    rig.forwarder().disinterred(await rig.journal.exhume([letters[0]!.id]));
    rig.forwarder().disinterred(await rig.journal.discard([letters[1]!.id]));
    await rig.runUntil(60 * DAY + HOUR);
    expect(rig.forwarder().status().lanes[3]).toMatchObject({
      delivered: 1,
      deadLettered: { 'not-allowed': 1 },
      waiting: 0,
    });
    const index = rig.store.lanes().find(({ key }) => key.lane === 3)?.index;
    expect(index).toMatchObject({ stored: [{ from: 0, to: 1 }], givenUp: [{ from: 1, to: 2 }] });
  });

  test('while the disk does not take dead letters nothing is given up', async () => {
    const rig = await createForwardRig();
    rig.setMode({ lane: 3, refusal: 'not-allowed' });
    rig.enqueue(3);
    await rig.runUntil(15 * MINUTE);
    rig.journal.trouble = 'EIO';
    await rig.runUntil(HOUR);
    expect(rig.forwarder().status().lanes[3]).toMatchObject({ waiting: 1, deadLettered: {} });
    rig.journal.trouble = undefined;
    await rig.runUntil(HOUR + MINUTE);
    expect(rig.forwarder().status().lanes[3]).toMatchObject({ waiting: 0, deadLettered: { 'not-allowed': 1 } });
  });
});

describe('a week of silent ingest behind a healthy link', () => {
  const WEEK = 7 * DAY;
  const patient = Object.fromEntries(
    Object.entries(PRIORITY_CONTRACT).map(([priority, terms]): [string, PriorityTerms] => [
      priority,
      { ...terms, ttlMs: 'never' },
    ]),
  ) as unknown as Priorities;

  /** How many probes of a class fit into so long: one a backoff step, each up to a tenth early. */
  function probesIn(ms: number, { initialTimeoutMs, backoffFactor, maxTimeoutMs }: PriorityTerms): number {
    let probes = 0;
    for (let at = 0; at <= ms; probes++) {
      at += 0.9 * Math.min(MAX_PROBE_INTERVAL_MS, maxTimeoutMs, initialTimeoutMs * backoffFactor ** probes);
    }
    return probes;
  }

  test('loses nothing, uses up no retry, and sends at most one probe a class and backoff step', async () => {
    const rig = await createForwardRig({ priorities: patient });
    await fill(rig, HOUR, 10 * MINUTE);
    const before = rig.sent.length;
    rig.setMode('silent');
    const begin = rig.now();
    await fill(rig, begin + WEEK, 10 * MINUTE);
    const silence = rig.sent.slice(before);
    expect(rig.forwarder().state.far).toBe('down');

    // Before it is clear that nobody answers each class sends one envelope; a count statement may be due as well.
    const probes = silence.filter(({ atMs }) => atMs > begin + MINUTE);
    const bounds = { critical: probesIn(WEEK, patient.critical), bulk: probesIn(WEEK, patient.high) };
    // The largest probe that there can be: every lane that waits, with the longest positions.
    const widest = (lanes: readonly Lane[]): number => {
      const ranges = [{ from: 9_999, to: 9_999 + 1 }];
      const asked = lanes.map((lane) => ({ producer: 'sense', epoch: '0'.repeat(16), lane, ranges }));
      return encodeQuestion({ type: 'status', lanes: asked }).length;
    };
    const sizes = { critical: widest([0]), bulk: widest([1, 2, 3]) };
    for (const traffic of ['critical', 'bulk'] as const) {
      const own = probes.filter((message) => message.traffic === traffic);
      expect(own.length).toBeLessThanOrEqual(bounds[traffic]);
      expect(own.length).toBeGreaterThan(0.85 * bounds[traffic]);
      expect(own.every(({ payload }) => decodeQuestion(payload).ok)).toBe(true);
      const bytes = own.reduce((sum, { payload }) => sum + payload.length, 0);
      expect(bytes).toBeLessThanOrEqual(bounds[traffic] * sizes[traffic]);
    }
    expect(silence.length - probes.length).toBeLessThan(30);
    expect(rig.journal.noted.some(({ fate }) => fate !== 'delivered')).toBe(false);

    rig.setMode('up');
    await rig.runUntil(begin + WEEK + 10 * MINUTE);
    for (const counts of rig.forwarder().status().lanes) {
      expect([counts.waiting, givenUpCount(counts), counts.inDoubt]).toEqual([0, 0, 0]);
    }
  });

  test('with the times to live of the contract only they end anything', async () => {
    const rig = await createForwardRig();
    rig.setMode('silent');
    const born = await fill(rig, WEEK + HOUR, HOUR);
    rig.setMode('up');
    await rig.runUntil(WEEK + 2 * HOUR);
    for (const [lane, counts] of rig.forwarder().status().lanes.entries()) {
      // The clock runs until the probe that is answered.
      const sure = born.filter((at) => at + ttlOf(lane as Lane) <= WEEK + HOUR).length;
      expect(counts).toMatchObject({ waiting: 0, inDoubt: 0, evicted: 0, deadLettered: {}, damaged: 0 });
      expect([counts.expired - sure <= 1, counts.expired >= sure]).toEqual([true, true]);
      expect(counts.delivered).toBe(born.length - counts.expired);
    }
  });
});
