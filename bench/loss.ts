import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PRODUCER } from '../core/identity.ts';
import { startJournalWorker } from '../journal/worker-client.ts';
import { errorsOnly } from './support/logger.ts';
import { type BridgeLoss, bridgeLoss } from './support/mosquitto.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import { findMosquitto } from './support/peers.ts';
import type { Claim, Section } from './support/section.ts';
import { withFolder } from './support/temporary.ts';

const MESSAGES = 60_000;
const BRIDGE_MESSAGES = 20_000;
const MAX_BYTES = 1024 ** 3;
/** What users set when they read on: everything is kept, and written every second. */
const TUNED = 'max_queued_messages 0\nautosave_interval 1\n';

export const loss: Claim = { id: 'loss', title: 'Acknowledged, then killed', run };

async function run(): Promise<Section> {
  return withFolder(async (folder) => {
    const ours = await ourLoss(join(folder, 'ours'));
    const found = findMosquitto();
    const bridges = found.ok ? await bridgeLosses(found.peer, folder) : [];
    const rows: [string, BridgeLoss][] = [['journal', ours], ...bridges];
    const lost = ours.acknowledged - ours.arrived;
    return {
      says: `Killed by SIGKILL with ${ours.acknowledged.toLocaleString('en-US')} records acknowledged, the journal has lost ${lost}${bridges
        .slice(0, 1)
        .map(([name, one]) => `; a ${name}, ${percent(one)} of what it had acknowledged`)
        .join('')}.`,
      method: `Ours: a process commits ten records at a time, twenty commits under way, and is killed once ${MESSAGES.toLocaleString('en-US')} records are acknowledged; the journal is opened again and its records are counted. The bridge: persistence on, its far side away; ${BRIDGE_MESSAGES.toLocaleString('en-US')} messages of 200 bytes are published at QoS 1, each acknowledged, it is killed (2.5 s later, or at once) and started again, the far side comes, and what arrives there is counted.`,
      noise: 'once each: what is counted does not depend on speed.',
      tables: [
        {
          head: ['', 'acknowledged', 'there afterwards', 'lost'],
          rows: rows.map(([name, one]) => [
            name,
            one.acknowledged.toLocaleString('en-US'),
            one.arrived.toLocaleString('en-US'),
            percent(one),
          ]),
        },
      ],
      caveats: [
        'a killed process, not a power cut: what the kernel had taken over was written.',
        ...(found.ok ? [] : [`${found.reason}.`]),
      ],
      promises: [
        {
          what: `acknowledged records lost, of ≥ ${MESSAGES.toLocaleString('en-US')}`,
          promised: '0',
          reached: String(lost),
          kept: lost === 0 && ours.acknowledged >= MESSAGES ? 'yes' : 'no',
        },
      ],
    };
  });
}

async function bridgeLosses(mosquitto: string, folder: string): Promise<[string, BridgeLoss][]> {
  const base = { mosquitto, messages: BRIDGE_MESSAGES };
  const control = await bridgeLoss({
    ...base,
    folder: join(folder, 'control'),
    extra: TUNED,
    pauseMs: 0,
    signal: 'SIGTERM',
  });
  // Else it is this bench that loses them.
  if (control.arrived < control.acknowledged) {
    throw new Error(`the control lost ${control.acknowledged - control.arrived} of ${control.acknowledged}`);
  }
  const kill = (name: string, extra: string, pauseMs: number): Promise<BridgeLoss> =>
    bridgeLoss({ ...base, folder: join(folder, name), extra, pauseMs, signal: 'SIGKILL' });
  return [
    ['mosquitto bridge, defaults', await kill('defaults', '', 2_500)],
    ['mosquitto bridge, unlimited queue, killed at once', await kill('unlimited', 'max_queued_messages 0\n', 0)],
    ['mosquitto bridge, unlimited queue, written every second, killed 2.5 s later', await kill('tuned', TUNED, 2_500)],
    ['mosquitto bridge, the same, ended by SIGTERM (control)', control],
  ];
}

const percent = ({ acknowledged, arrived }: BridgeLoss): string =>
  `${(((acknowledged - arrived) / acknowledged) * 100).toFixed(1)} %`;

async function ourLoss(directory: string): Promise<BridgeLoss> {
  const child = fork(new URL('./acknowledging.js', import.meta.url), [
    JSON.stringify({ directory, maxBytes: MAX_BYTES }),
  ]);
  let epoch = '';
  let acknowledged = 0;
  child.on('message', (message: { epoch?: string; acknowledged?: number }) => {
    epoch = message.epoch ?? epoch;
    acknowledged = message.acknowledged ?? acknowledged;
    if (acknowledged >= MESSAGES) child.kill('SIGKILL');
  });
  await once(child, 'close');
  if (acknowledged < MESSAGES) throw new Error(`the process ended with ${acknowledged} of ${MESSAGES} acknowledged`);
  const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
  try {
    const journal = worker.journal(directory, { producer: PRODUCER, maxBytes: MAX_BYTES, localBytes: 0 });
    const opening = await journal.open();
    const { end } = opening.epochs.find((old) => old.epoch === epoch)!.lanes[2]!;
    let readable = 0;
    for (let from = 0; from < end; ) {
      const read = await journal.read({ epoch, lane: 2, from, to: end, maxRecords: 5_000, maxBytes: 1e9 });
      readable += read.parts.reduce((sum, part) => sum + part.to - part.from, 0);
      from = read.to;
    }
    await journal.close();
    // More may be there than anybody was told of; what counts is what was acknowledged.
    return { acknowledged, arrived: Math.min(readable, acknowledged) };
  } finally {
    await worker.close();
  }
}
