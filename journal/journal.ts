import { fatesOf, finished } from '../core/lane-fates.ts';
import { subtract } from '../core/ranges.ts';
import { createSerialQueue } from '../core/serial-queue.ts';
import { createAppender } from './append.ts';
import { createDeadLetters } from './dead-letters.ts';
import { type JournalConfig, type JournalPorts, setUpJournal } from './journal-config.ts';
import type { DeadLetterStore, Journal, JournalStatus } from './journal-port.ts';
import { createKeyRotation } from './key-rotation.ts';
import { readLocal } from './local-reader.ts';
import { recycle } from './make-room.ts';
import { bytesOf, type OpenJournal } from './open-journal.ts';
import { openJournal } from './opening.ts';
import { holdsLocal, localHeldIn } from './spans.ts';

/** The journal of one directory. One call at a time touches the disk; callers need not care. */
export function createJournal(ports: JournalPorts, config: JournalConfig): Journal {
  const setup = setUpJournal(ports, config);
  const { clock, logger, localBytes } = setup;
  const { run: exclusive } = createSerialQueue();
  const appender = createAppender(setup);
  const rotation = createKeyRotation(setup);
  let opened: OpenJournal | undefined;

  const settle: Journal['settle'] = async (outcomes) => {
    const journal = must(opened);
    journal.leases.end(outcomes);
    await journal.forward.append(outcomes).catch((error: Error) => {
      // The book in memory is right; if it is lost, the far side is asked again.
      logger.warn({ error: error.message }, 'journal: forward log not written');
    });
    if (await recycle(journal, localBytes, logger)) await rotation.retire(journal);
  };

  const read: Journal['read'] = async (request) => {
    const { reader, forward, leases } = must(opened);
    const found = await reader.read(request);
    const { epoch, lane, from, leaseMs = 0 } = request;
    if (leaseMs > 0) leases.grant({ epoch, lane, from, to: found.to, until: clock.monotonicMs() + leaseMs });
    return { ...found, missing: subtract(found.missing, finished(fatesOf(forward.book, epoch, lane))) };
  };

  const deadLetters = (): DeadLetterStore => {
    const journal = must(opened);
    const directoryBytes = setup.quotaNow(journal).critical;
    return createDeadLetters(journal, { clock, logger }, { maxBytes: setup.deadLetterBytes, directoryBytes });
  };

  /** Of what the disk refused, bytes may be there all the same: as the next commit would, the last act says that they do not count. */
  const cutOffRefused = async ({ log, ballast }: OpenJournal): Promise<void> => {
    if (log.writable) return;
    await ballast
      .withRoom(() => log.roll())
      .catch(({ message }: Error) => {
        logger.warn(
          { error: message },
          'journal: closed while the disk refuses; what it refused last may be there again',
        );
      });
  };

  const status = (): JournalStatus => {
    const journal = must(opened);
    const { spans } = journal;
    const localSegments = spans.filter(holdsLocal).map(({ segment }) => segment);
    const localHeld = localHeldIn(spans);
    return {
      bytes: bytesOf(journal),
      segments: spans.length,
      localHeld,
      localSegments,
      ...appender.counters,
      trouble: appender.trouble,
    };
  };

  return {
    open: () =>
      exclusive(async () => {
        const { journal, opening } = await openJournal(setup);
        opened = journal;
        await rotation.retire(journal);
        return opening;
      }),
    append: (commit) =>
      exclusive(async () => {
        await rotation.rotateIfDue(must(opened));
        return appender.append(must(opened), commit);
      }),
    read: (request) => exclusive(() => read(request)),
    settle: (outcomes) => exclusive(() => settle(outcomes)),
    release: (ranges) => exclusive(async () => must(opened).leases.end(ranges)),
    rotateKeys: () => exclusive(() => rotation.rotate(must(opened))),
    bury: (burial) => exclusive(() => deadLetters().bury(burial)),
    deadLetters: () => exclusive(() => deadLetters().deadLetters()),
    letter: (id) => exclusive(() => deadLetters().letter(id)),
    exhume: (ids) => exclusive(() => deadLetters().exhume(ids)),
    discard: (ids) => exclusive(() => deadLetters().discard(ids)),
    noteFarSide: (id, uplink) => exclusive(() => must(opened).forward.noteFarSide(id, uplink)),
    noteMeter: (meter) => exclusive(() => must(opened).forward.noteMeter(meter)),
    readLocal: (request) => exclusive(() => readLocal(must(opened), request)),
    status: () => exclusive(async () => status()),
    close: () =>
      exclusive(async () => {
        if (!opened) return;
        await opened.forward.sync().catch(() => undefined); // only costs a question to the far side
        await opened.forward.close().catch(() => undefined);
        await cutOffRefused(opened);
        await opened.log.close();
        opened = undefined;
      }),
  };
}

function must(opened: OpenJournal | undefined): OpenJournal {
  if (!opened) throw new Error('journal is not open');
  return opened;
}
