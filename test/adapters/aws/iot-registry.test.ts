import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createIotRegistry } from '../../../adapters/aws/iot-registry.ts';
import { explainRegistryError } from '../../../adapters/aws/iot-registry-error.ts';
import type { DeviceRegistry } from '../../../core/device-registry.ts';

/** The real SDK client against a server that answers as IoT Core is documented to; the emulator's suite has the rest. */

interface Call {
  line: string;
  principal: string | undefined;
  body: unknown;
}
interface Answer {
  status?: number;
  type?: string;
  body?: object;
}

let server: Server;
let registry: DeviceRegistry;
let calls: Call[];
let answer: (call: Call) => Answer;
const CERTIFICATE = 'arn:aws:iot:eu-west-1:123456789012:cert/abc';
const SECRET = 'a-secret-that-no-message-may-hold';
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_SESSION_TOKEN: SECRET,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/nowhere',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
  AWS_REGION: '',
  AWS_PROFILE: '',
};
const saved: Record<string, string | undefined> = {};

beforeAll(async () => {
  for (const [name, value] of Object.entries({ ...ENVIRONMENT, AWS_ENDPOINT_URL: '', AWS_ENDPOINT_URL_IOT: '' })) {
    saved[name] = process.env[name];
    if (value === '') delete process.env[name];
    else process.env[name] = value;
  }
  server = createServer((request, response) => {
    void read(request).then((call) => {
      calls.push(call);
      const { status = 200, type, body = {} } = answer(call);
      response.writeHead(status, { 'content-type': 'application/json', ...(type ? { 'x-amzn-errortype': type } : {}) });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.AWS_ENDPOINT_URL_IOT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  for (const [name, value] of Object.entries(saved)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});
beforeEach(() => {
  calls = [];
  answer = () => ({});
  registry = createIotRegistry({ region: 'eu-west-1' });
});
afterEach(() => {
  expect(JSON.stringify(calls)).not.toContain(SECRET);
});

async function read(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const principal = request.headers['x-amzn-principal'] as string | undefined;
  return { line: `${request.method} ${request.url}`, principal, body: text === '' ? undefined : JSON.parse(text) };
}
const lines = (): string[] => calls.map(({ line }) => line);

test('a thing with its attributes; none is undefined', async () => {
  answer = () => ({ body: { thingName: 'n-1', attributes: { fleet: 'rig', site: 'deck' } } });
  expect(await registry.findThing('n-1')).toEqual({ name: 'n-1', attributes: { fleet: 'rig', site: 'deck' } });
  answer = () => ({ status: 404, type: 'ResourceNotFoundException', body: { message: 'Thing n-1 cannot be found.' } });
  expect(await registry.findThing('n-1')).toBeUndefined();
  expect(await registry.hasPolicy('headwater_rig_node')).toBe(false);
  expect(await registry.findCertificate('abc')).toBeUndefined();
});

test('lists go over all pages, and only over things that Headwater registered', async () => {
  const thing = (thingName: string, attributes: object) => ({ thingName, attributes });
  answer = ({ line }) =>
    line.includes('nextToken=two')
      ? { body: { things: [thing('n-3', { fleet: 'rig' })] } }
      : { body: { things: [thing('n-1', { fleet: 'rig' }), thing('lamp', {})], nextToken: 'two' } };
  expect((await registry.listThings(undefined)).map(({ name }) => name)).toEqual(['n-1', 'n-3']);
  expect((await registry.listThings('rig')).map(({ name }) => name)).toEqual(['n-1', 'n-3']);
  expect(calls.at(-1)!.line).toMatch(/attributeName=fleet/);
  expect((await registry.listThings('other')).map(({ name }) => name)).toEqual([]);
  answer = () => ({ body: { principals: [CERTIFICATE, 'eu-west-1:cognito-identity'] } });
  expect(await registry.certificatesOf('n-1')).toEqual([CERTIFICATE]);
});

test('a certificate is active from the start', async () => {
  answer = () => ({ body: { certificateId: 'abc', certificateArn: CERTIFICATE, certificatePem: 'PEM' } });
  const certificate = { id: 'abc', arn: CERTIFICATE, pem: 'PEM', status: 'ACTIVE' };
  expect(await registry.createCertificate('CSR')).toEqual(certificate);
  expect(calls).toEqual([
    { line: 'POST /certificates?setAsActive=true', principal: undefined, body: { certificateSigningRequest: 'CSR' } },
  ]);
  answer = () => ({
    body: {
      certificateDescription: {
        certificateId: 'abc',
        certificateArn: CERTIFICATE,
        certificatePem: 'PEM',
        status: 'INACTIVE',
      },
    },
  });
  expect(await registry.findCertificate('abc')).toEqual({ ...certificate, status: 'INACTIVE' });
});

test('what is asked of IoT Core, call by call', async () => {
  const thing = { name: 'n-1', attributes: { fleet: 'rig', site: 'deck' } };
  await registry.createThing(thing);
  await registry.setAttributes(thing);
  await registry.addToGroup('n-1', 'headwater:rig:deck');
  await registry.removeFromGroup('n-1', 'headwater:rig:shore');
  await registry.attachPolicy('headwater_rig_node', CERTIFICATE);
  await registry.detachPolicy('headwater_rig_node', CERTIFICATE);
  await registry.attachToThing(CERTIFICATE, 'n-1');
  await registry.detachFromThing(CERTIFICATE, 'n-1');
  await registry.revoke('abc');
  expect(lines()).toEqual([
    'POST /things/n-1',
    'PATCH /things/n-1',
    'PUT /thing-groups/addThingToThingGroup',
    'PUT /thing-groups/removeThingFromThingGroup',
    'PUT /target-policies/headwater_rig_node',
    'POST /target-policies/headwater_rig_node',
    'PUT /things/n-1/principals',
    'DELETE /things/n-1/principals',
    'PUT /certificates/abc?newStatus=REVOKED',
  ]);
  expect(calls[0]!.body).toEqual({ attributePayload: { attributes: thing.attributes } });
  expect(calls[1]!.body).toEqual({ attributePayload: { attributes: thing.attributes, merge: true } });
  expect(calls[2]!.body).toEqual({ thingName: 'n-1', thingGroupName: 'headwater:rig:deck' });
  expect(calls.slice(6, 8).map(({ principal }) => principal)).toEqual([CERTIFICATE, CERTIFICATE]);
});

test('the endpoint is the one with the Amazon roots', async () => {
  answer = () => ({ body: { endpointAddress: 'x-ats.iot.eu-west-1.amazonaws.com' } });
  expect(await registry.findEndpoint()).toBe('x-ats.iot.eu-west-1.amazonaws.com');
  expect(lines()).toEqual(['GET /endpoint?endpointType=iot%3AData-ATS']);
});

describe('what AWS refuses becomes one line with what to do', () => {
  test('refusals', async () => {
    answer = () => ({ status: 403, type: 'AccessDeniedException', body: { message: 'User is not\nauthorized' } });
    await expect(registry.revoke('abc')).rejects.toMatchObject({
      reason: 'access-denied',
      message: 'AWS refuses iot:UpdateCertificate: allow it to the identity you use (User is not authorized)',
    });
    answer = () => ({ status: 403, type: 'InvalidSignatureException', body: { message: `the token was ${SECRET}` } });
    const refused = await registry.revoke('abc').catch((error: Error) => error.message);
    expect(refused).toMatch(/^no usable AWS credentials \(InvalidSignatureException\): sign in/);
    expect(refused).not.toContain(SECRET);
    answer = () => ({ status: 409, type: 'ConflictException', body: { message: 'in use' } });
    await expect(registry.revoke('abc')).rejects.toMatchObject({
      reason: 'refused',
      message: 'iot:UpdateCertificate: ConflictException: in use',
    });
  });

  test('no region', async () => {
    await expect(createIotRegistry({}).findEndpoint()).rejects.toMatchObject({
      reason: 'no-region',
      message: expect.stringContaining('--region'),
    });
  });

  test('no credentials', async () => {
    delete process.env.AWS_ACCESS_KEY_ID;
    const profile = createIotRegistry({ region: 'eu-west-1', profile: 'nobody' });
    await expect(profile.findEndpoint()).rejects.toMatchObject({
      reason: 'no-credentials',
      message: expect.stringContaining('--profile'),
    });
    expect(calls).toEqual([]);
    process.env.AWS_ACCESS_KEY_ID = ENVIRONMENT.AWS_ACCESS_KEY_ID;
  });

  test.each([
    [{ name: 'ThrottlingException', message: 'Rate exceeded' }, 'throttled', 'run the command again'],
    [{ name: 'Error', message: 'getaddrinfo', code: 'ENOTFOUND' }, 'unreachable', 'is the network up'],
    [{ name: 'TimeoutError', message: 'timed out' }, 'unreachable', 'is the network up'],
    [{ name: 'ExpiredTokenException', message: 'expired' }, 'no-credentials', 'aws sso login'],
  ])('%j', (thrown, reason, advice) => {
    const error = explainRegistryError(Object.assign(new Error(thrown.message), thrown), 'ListThings');
    expect(error).toMatchObject({ reason, message: expect.stringContaining(advice) });
  });
});
