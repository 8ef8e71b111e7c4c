import { webcrypto } from 'node:crypto';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateCertificateFromCsrCommand,
  CreateThingCommand,
} from '@aws-sdk/client-iot';
import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import mqtt from 'mqtt';
import { eventually } from '../../helpers/processes.ts';
import type { Cloud } from '../cloud.ts';
import type { Clients } from './clients.ts';

export interface Credentials {
  key: string;
  certificate: string;
}
export interface Thing extends Credentials {
  name: string;
  certificateArn: string;
}
export interface Device {
  /** Messages that arrived, oldest first. */
  heard: { topic: string; payload: Buffer }[];
  /** Resolves with the first message that arrived, or will arrive, for which this holds. */
  hears(what: string, isIt: (payload: Buffer, topic: string) => boolean): Promise<Buffer>;
  /** QoS 1; resolves at PUBACK. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  subscribe(topic: string): Promise<void>;
  close(): Promise<void>;
}

/** Registers a thing whose key never leaves here: IoT signs a request, as with `headwater provision`. */
export async function registerThing({ iot }: Clients, name: string, policyName: string): Promise<Thing> {
  const { key, csr } = await keyAndRequest(name);
  await iot.send(new CreateThingCommand({ thingName: name }));
  const { certificateArn, certificatePem } = await iot.send(
    new CreateCertificateFromCsrCommand({ certificateSigningRequest: csr, setAsActive: true }),
  );
  await iot.send(new AttachPolicyCommand({ policyName, target: certificateArn }));
  await iot.send(new AttachThingPrincipalCommand({ thingName: name, principal: certificateArn }));
  return { name, key, certificate: certificatePem!, certificateArn: certificateArn! };
}

async function keyAndRequest(name: string): Promise<{ key: string; csr: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
  return { key, csr: request.toString('pem') };
}

/** The certificate that devices must trust to reach the broker. */
export async function authority(endpoint: string): Promise<string> {
  const response = await fetch(`${endpoint}/_ministack/iot/ca.pem`);
  if (!response.ok) throw new Error(`no certificate authority: ${response.status}`);
  return response.text();
}

export interface DeviceOptions {
  clientId: string;
  protocolVersion?: 4 | 5;
  subscribe?: readonly string[];
}

/** Connects over TLS, with the certificate if there is one; rejects where the broker refuses. */
export async function connectDevice(
  cloud: Pick<Cloud, 'endpoint' | 'mqttPort'>,
  credentials: Credentials | undefined,
  options: DeviceOptions,
): Promise<Device> {
  const client = mqtt.connect(`mqtts://127.0.0.1:${cloud.mqttPort}`, {
    clientId: options.clientId,
    protocolVersion: options.protocolVersion ?? 4,
    ca: await authority(cloud.endpoint),
    ...(credentials && { key: credentials.key, cert: credentials.certificate }),
    reconnectPeriod: 0,
    connectTimeout: 20_000,
  });
  const heard: Device['heard'] = [];
  client.on('message', (topic, payload) => heard.push({ topic, payload }));
  client.on('error', () => undefined); // whoever waits for something sees the connection close
  // mqtt.js waits for ever for an acknowledgement that a closed connection will not bring.
  const closed = new Promise<never>((_done, fail) => {
    client.once('error', fail);
    client.once('close', () => fail(new Error(`the broker closed the connection of ${options.clientId}`)));
  });
  closed.catch(() => undefined);
  const unlessClosed = async (work: Promise<unknown>): Promise<void> => void (await Promise.race([work, closed]));
  await unlessClosed(new Promise((done) => client.once('connect', done)));
  const device: Device = {
    heard,
    hears: (what, isIt) =>
      eventually(what, () => heard.find(({ payload, topic }) => isIt(payload, topic))?.payload, 60_000),
    publish: (topic, payload) => unlessClosed(client.publishAsync(topic, Buffer.from(payload), { qos: 1 })),
    subscribe: (topic) => unlessClosed(client.subscribeAsync(topic, { qos: 1 })),
    close: () => client.endAsync(true),
  };
  for (const topic of options.subscribe ?? []) await device.subscribe(topic);
  return device;
}
