import {
  AddThingToThingGroupCommand,
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateCertificateFromCsrCommand,
  CreateThingCommand,
  DescribeCertificateCommand,
  DescribeEndpointCommand,
  DescribeThingCommand,
  DetachPolicyCommand,
  DetachThingPrincipalCommand,
  GetPolicyCommand,
  IoTClient,
  paginateListAttachedPolicies,
  paginateListThingGroupsForThing,
  paginateListThingPrincipals,
  paginateListThings,
  RemoveThingFromThingGroupCommand,
  UpdateCertificateCommand,
  UpdateThingCommand,
} from '@aws-sdk/client-iot';
import { type DeviceRegistry, RegistryError, type Thing } from '../../core/device-registry.ts';
import { explainRegistryError } from './iot-registry-error.ts';

export interface IotRegistryConfig {
  /** Default: as the AWS SDK finds it. */
  region?: string | undefined;
  /** Default: AWS_PROFILE, else the SDK's own chain. */
  profile?: string | undefined;
}

/** The registry's own calls are few a second: https://docs.aws.amazon.com/general/latest/gr/iot-core.html */
const MAX_ATTEMPTS = 8;

/** IoT Core as registry of devices. Its methods throw RegistryError for all that AWS refuses. */
export function createIotRegistry(config: IotRegistryConfig): DeviceRegistry {
  // The SDK is pinned here: that later ones want a newer Node.js is no news for an operator.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const client = new IoTClient({
    maxAttempts: MAX_ATTEMPTS,
    ...(config.region === undefined ? {} : { region: config.region }),
    ...(config.profile === undefined ? {} : { profile: config.profile }),
  });

  return {
    findThing: (thingName) =>
      ifThere('DescribeThing', async () =>
        thingOf(await client.send(new DescribeThingCommand({ thingName })), thingName),
      ),
    listThings: (fleet) =>
      called('ListThings', async () => {
        const filter = fleet === undefined ? {} : { attributeName: 'fleet', attributeValue: fleet };
        const pages = await pagesOf(paginateListThings({ client, pageSize: 250 }, filter));
        return pages
          .flatMap(({ things }) => things ?? [])
          .map((thing) => thingOf(thing, thing.thingName ?? ''))
          .filter(
            ({ attributes }) => attributes.fleet !== undefined && attributes.fleet === (fleet ?? attributes.fleet),
          );
      }),
    createThing: ({ name, attributes }) =>
      done('CreateThing', () =>
        client.send(new CreateThingCommand({ thingName: name, attributePayload: { attributes: { ...attributes } } })),
      ),
    setAttributes: ({ name, attributes }) =>
      done('UpdateThing', () =>
        client.send(
          new UpdateThingCommand({ thingName: name, attributePayload: { attributes: { ...attributes }, merge: true } }),
        ),
      ),
    groupsOf: (thingName) =>
      called('ListThingGroupsForThing', async () => {
        const pages = await pagesOf(paginateListThingGroupsForThing({ client }, { thingName }));
        return pages.flatMap(({ thingGroups }) => (thingGroups ?? []).map(({ groupName }) => groupName ?? ''));
      }),
    addToGroup: (thingName, thingGroupName) =>
      done('AddThingToThingGroup', () => client.send(new AddThingToThingGroupCommand({ thingName, thingGroupName }))),
    removeFromGroup: (thingName, thingGroupName) =>
      done('RemoveThingFromThingGroup', () =>
        client.send(new RemoveThingFromThingGroupCommand({ thingName, thingGroupName })),
      ),
    hasPolicy: async (policyName) =>
      (await ifThere('GetPolicy', () => client.send(new GetPolicyCommand({ policyName })))) !== undefined,
    createCertificate: (certificateSigningRequest) =>
      called('CreateCertificateFromCsr', async () => {
        const command = new CreateCertificateFromCsrCommand({ certificateSigningRequest, setAsActive: true });
        const { certificateId, certificateArn, certificatePem } = await client.send(command);
        return certificateOf({ certificateId, certificateArn, certificatePem, status: 'ACTIVE' });
      }),
    findCertificate: (certificateId) =>
      ifThere('DescribeCertificate', async () => {
        const { certificateDescription } = await client.send(new DescribeCertificateCommand({ certificateId }));
        return certificateOf(certificateDescription ?? {});
      }),
    certificatesOf: (thingName) =>
      called('ListThingPrincipals', async () => {
        const pages = await pagesOf(paginateListThingPrincipals({ client }, { thingName }));
        // A thing may have principals of other kinds, such as Cognito identities.
        return pages.flatMap(({ principals }) => principals ?? []).filter((arn) => arn.includes(':cert/'));
      }),
    policiesOf: (target) =>
      called('ListAttachedPolicies', async () => {
        const pages = await pagesOf(paginateListAttachedPolicies({ client }, { target }));
        return pages.flatMap(({ policies }) => (policies ?? []).map(({ policyName }) => policyName ?? ''));
      }),
    attachPolicy: (policyName, target) =>
      done('AttachPolicy', () => client.send(new AttachPolicyCommand({ policyName, target }))),
    detachPolicy: (policyName, target) =>
      done('DetachPolicy', () => client.send(new DetachPolicyCommand({ policyName, target }))),
    attachToThing: (principal, thingName) =>
      done('AttachThingPrincipal', () => client.send(new AttachThingPrincipalCommand({ principal, thingName }))),
    detachFromThing: (principal, thingName) =>
      done('DetachThingPrincipal', () => client.send(new DetachThingPrincipalCommand({ principal, thingName }))),
    revoke: (certificateId) =>
      done('UpdateCertificate', () =>
        client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' })),
      ),
    findEndpoint: () =>
      called('DescribeEndpoint', async () => {
        const command = new DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' });
        return given((await client.send(command)).endpointAddress, 'endpointAddress');
      }),
  };
}

async function called<T>(operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explainRegistryError(error, operation);
  }
}

async function done(operation: string, call: () => Promise<unknown>): Promise<void> {
  await called(operation, call);
}

/** undefined where AWS says that there is no such thing. */
async function ifThere<T>(operation: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await called(operation, call);
  } catch (error) {
    if (error instanceof RegistryError && error.reason === 'not-found') return undefined;
    throw error;
  }
}

async function pagesOf<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

const thingOf = ({ attributes }: { attributes?: Record<string, string> | undefined }, name: string): Thing => ({
  name,
  attributes: attributes ?? {},
});

interface Described {
  certificateId?: string | undefined;
  certificateArn?: string | undefined;
  certificatePem?: string | undefined;
  status?: string | undefined;
}

const certificateOf = ({ certificateId, certificateArn, certificatePem, status }: Described) => ({
  id: given(certificateId, 'certificateId'),
  arn: given(certificateArn, 'certificateArn'),
  pem: given(certificatePem, 'certificatePem'),
  status: given(status, 'status'),
});

function given(value: string | undefined, name: string): string {
  if (value === undefined) throw new Error(`the answer of IoT Core lacks ${name}`);
  return value;
}
