import { basicIngestTopic, stackNameOf } from '../../../core/cloud-names.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { type TrafficClass, topicOf, trafficClassOf } from '../../../core/flow.ts';
import { type Answer, type AnswerItem, decodeAnswer } from '../../../core/messages.ts';
import type { Lane } from '../../../core/priority.ts';
import { covers, type RangeSet, rangeSetOf } from '../../../core/ranges.ts';
import { type EnvelopeSketch, envelopeOf } from '../../helpers/envelopes.ts';
import { eventually } from '../../helpers/processes.ts';
import { type Cloud, readCloud } from '../cloud.ts';
import type { AthenaPlace } from './athena.ts';
import { type Clients, createClients } from './clients.ts';
import { connectDevice, type Device, registerThing } from './thing.ts';

/** The deployed fleet, by the names that its stacks give back. */
export interface FleetCloud {
  cloud: Cloud;
  clients: Clients;
  bucket: string;
  table: string;
  athena: AthenaPlace;
  /** @throws if no stack has such an output */
  output(stack: 'Foundation' | 'Storage' | 'Ingest', name: string): string;
}

export function openFleetCloud(): FleetCloud {
  const cloud = readCloud();
  const output: FleetCloud['output'] = (stack, name) => {
    const outputs = cloud.outputs[stackNameOf(cloud.fleet, stack)];
    const value = outputs?.[name];
    if (value === undefined) throw new Error(`no output ${name} of ${stack}; it has ${Object.keys(outputs ?? {})}`);
    return value;
  };
  return {
    cloud,
    clients: createClients(cloud.endpoint),
    bucket: output('Storage', 'ColdBucketName'),
    table: output('Storage', 'TableName'),
    athena: { database: output('Storage', 'DatabaseName'), workGroup: output('Storage', 'WorkGroupName') },
    output,
  };
}

/** A node of the fleet as the cloud sees it: a registered thing that sends envelopes and hears answers. */
export interface CloudNode {
  name: string;
  device: Device;
  /** Positions [from, to) of a lane, on the topic of its class. */
  sendEnvelope(from: number, to: number, sketch?: Omit<EnvelopeSketch, 'node'>): Promise<void>;
  send(traffic: TrafficClass, payload: Uint8Array): Promise<void>;
  answers(): Answer[];
  /** Until the answers that came name all of [from, to) of a lane as stored, in however many pieces. */
  hearsStored(lane: Lane, from: number, to: number): Promise<void>;
  /** The first item, of those that came or will come, for which this holds. */
  hearsItem(what: string, isIt: (item: AnswerItem) => boolean): Promise<AnswerItem>;
}

/** @param name one of the names that test/cloud/fleet.yaml gives to the test file */
export async function joinFleet({ cloud, clients, output }: FleetCloud, name: string): Promise<CloudNode> {
  const thing = await registerThing(clients, name, output('Foundation', 'NodePolicyName'));
  const device = await connectDevice(cloud, thing, { clientId: name, subscribe: [topicOf('answer', name)] });
  const send: CloudNode['send'] = (traffic, payload) =>
    device.publish(basicIngestTopic(cloud.fleet, traffic, name), payload);
  const answers = (): Answer[] =>
    device.heard.map(({ payload }) => {
      const decoded = decodeAnswer(payload);
      if (!decoded.ok) throw new Error(`${name} heard what is no answer: ${decoded.detail}`);
      return decoded.value;
    });
  const items = (): AnswerItem[] => answers().flatMap((answer) => answer.items);
  const hears = <T>(what: string, probe: () => T | undefined | false): Promise<T> =>
    eventually(() => `${name} hears ${what}; it heard ${JSON.stringify(answers())}`, probe, 60_000);
  return {
    name,
    device,
    send,
    sendEnvelope: (from, to, sketch = {}) => {
      const envelope = envelopeOf(from, to, { ...sketch, node: name });
      return send(trafficClassOf(envelope.header.lane), encodeEnvelope(envelope));
    },
    answers,
    hearsStored: async (lane, from, to) => {
      const stored = (): RangeSet =>
        rangeSetOf(items().flatMap((item) => (item.type === 'stored' && item.lane === lane ? item.ranges : [])));
      await hears(`that [${from}, ${to}) of lane ${lane} is stored`, () => covers(stored(), { from, to }));
    },
    hearsItem: (what, isIt) => hears(what, () => items().find(isIt)),
  };
}
