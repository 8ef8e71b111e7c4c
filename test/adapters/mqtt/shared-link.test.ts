import { beforeEach, describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createSharedLink } from '../../../adapters/mqtt/shared-link.ts';
import type { TrafficClass } from '../../../core/flow.ts';
import type { Uplink } from '../../../core/ports.ts';
import { turns } from '../../helpers/edge-node.ts';

/** An uplink that notes what goes out and when, and whose link the test holds. */
function fakeUplink(note: (traffic: TrafficClass, bytes: number) => void) {
  let tell: (up: boolean) => void = () => {};
  const uplink: Uplink = {
    async send(traffic, payload) {
      note(traffic, payload.length);
    },
    onAnswer: () => {},
    onLink: (listen) => {
      tell = listen;
    },
    using: () => 'hub',
    wanted: (is) => tell(is),
    close: async () => {},
  };
  return { uplink, setLink: (up: boolean) => tell(up) };
}

describe('several nodes behind one link', () => {
  const RATE = 100_000;
  let clock: ReturnType<typeof createManualClock>;
  let sent: { node: string; traffic: TrafficClass; bytes: number; atMs: number }[];
  let link: ReturnType<typeof createSharedLink>;
  beforeEach(() => {
    clock = createManualClock();
    sent = [];
    link = createSharedLink(clock, RATE);
  });
  function join(node: string) {
    const fake = fakeUplink((traffic, bytes) => sent.push({ node, traffic, bytes, atMs: clock.monotonicMs() }));
    const uplink = link.join(node, fake.uplink);
    uplink.onLink(() => {});
    fake.setLink(true);
    return { uplink, setLink: fake.setLink };
  }
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await turns(2);
    }
  }
  const bytesOf = (node: string) => sent.reduce((sum, one) => sum + (one.node === node ? one.bytes : 0), 0);

  test('one has a thousand times as much to send: both get the same, together what the link carries', async () => {
    const [greedy, modest] = [join('greedy'), join('modest')];
    for (let index = 0; index < 1_000; index++) void greedy.uplink.send('bulk', new Uint8Array(20_000)).catch(() => {});
    for (let index = 0; index < 30; index++) void modest.uplink.send('bulk', new Uint8Array(5_000)).catch(() => {});
    await pass(2_000);
    expect(Math.abs(bytesOf('greedy') - bytesOf('modest'))).toBeLessThanOrEqual(2 * (16_384 + 20_000));
    const total = bytesOf('greedy') + bytesOf('modest');
    expect(total).toBeGreaterThanOrEqual(2 * RATE);
    expect(total).toBeLessThanOrEqual(2.5 * RATE + 20_000); // half a second's burst, one item of debt
    await pass(2_000);
    expect(bytesOf('modest')).toBe(150_000); // all of it, while the other still waits
    expect(bytesOf('greedy')).toBeLessThan(20_000_000);
  });

  test('critical of one goes before all that waits of the others', async () => {
    const [greedy, modest] = [join('greedy'), join('modest')];
    for (let index = 0; index < 50; index++) void greedy.uplink.send('bulk', new Uint8Array(20_000)).catch(() => {});
    const before = sent.length;
    void modest.uplink.send('critical', new Uint8Array(100));
    await pass(1_000);
    expect(sent[before]).toMatchObject({ node: 'modest', traffic: 'critical' });
  });

  test('a link that is lost rejects what waits of that node, and of no other', async () => {
    const [one, other] = [join('one'), join('other')];
    for (let index = 0; index < 5; index++) void other.uplink.send('bulk', new Uint8Array(20_000));
    const waiting = one.uplink.send('bulk', new Uint8Array(20_000));
    one.setLink(false);
    await expect(waiting).rejects.toThrow('not connected any more');
    await pass(3_000);
    expect(bytesOf('other')).toBe(100_000);
    expect(bytesOf('one')).toBe(0);
  });

  test('closing rejects what waits', async () => {
    const one = join('one');
    for (let index = 0; index < 5; index++) void one.uplink.send('bulk', new Uint8Array(60_000)).catch(() => {});
    const waiting = one.uplink.send('bulk', new Uint8Array(1));
    await one.uplink.close();
    await expect(waiting).rejects.toThrow('not connected any more');
  });

  test('the wish for a connection goes to the uplink; what waits for its turn is dropped with it', async () => {
    const { uplink } = join('n-1');
    await uplink.send('bulk', new Uint8Array(RATE)); // takes all there is for a while
    const waiting = uplink.send('bulk', new Uint8Array(100));
    uplink.wanted(false);
    await expect(waiting).rejects.toThrow('not connected any more');
  });
});

test("without a bound the uplink is the node's own", () => {
  const { uplink } = fakeUplink(() => {});
  expect(createSharedLink(createManualClock(), undefined).join('n', uplink)).toBe(uplink);
});
